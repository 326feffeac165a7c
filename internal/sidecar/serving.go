package sidecar

import (
	"encoding/json"
	"net"
	"time"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// askEvery is how often a Delve that begins is asked, answerWithin how long it may
// take to answer.
const (
	askEvery     = 100 * time.Millisecond
	answerWithin = 5 * time.Second
)

// awaitServing returns a channel that is closed when the Delve that listens at a has
// attached and let the program run. It asks no more once gone is closed.
func awaitServing(a procfs.Address, gone <-chan struct{}) <-chan struct{} {
	serving := make(chan struct{})
	go func() {
		ticker := time.NewTicker(askEvery)
		defer ticker.Stop()
		for !programRuns(a) {
			select {
			case <-gone:
				return
			case <-ticker.C:
			}
		}
		close(serving)
	}()
	return serving
}

// programRuns asks Delve by its JSON-RPC whether the program runs.
func programRuns(a procfs.Address) bool {
	for _, target := range a.Dial {
		if conn, err := net.DialTimeout(a.Network, target, answerWithin); err == nil {
			return asksRunning(conn)
		}
	}
	return false
}

// asksRunning asks over a connection, and closes it.
func asksRunning(conn net.Conn) bool {
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return false
	}
	const request = `{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":1}` + "\n"
	if _, err := conn.Write([]byte(request)); err != nil {
		return false
	}
	var answer struct {
		Result struct {
			State struct{ Running bool }
		} `json:"result"`
	}
	return json.NewDecoder(conn).Decode(&answer) == nil && answer.Result.State.Running
}
