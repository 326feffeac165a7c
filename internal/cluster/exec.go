package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/containerd/console"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
)

// Channels of a command: the first byte of each message (k8s.io/apimachinery,
// pkg/util/remotecommand).
const (
	channelIn = iota
	channelOut
	channelErr
	channelStatus
	channelSize
	channelClose = 255
)

// Exec runs a command in a container of a pod until it ends, and returns its exit code. Its
// environment is the container's: Env of the command is not used.
func (c *Cluster) Exec(ctx context.Context, pod, container string, command docker.Command) (code int, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("running %s in the container %s of the pod %s: %w", command.Words[0], container, pod, c.explain(err))
		}
	}()
	query := url.Values{"container": {container}, "command": command.Words, "stdin": {"true"}, "stdout": {"true"}}
	if command.Terminal != nil {
		query.Set("tty", "true")
	} else {
		query.Set("stderr", "true")
	}
	conn, err := c.webSocket(ctx, c.at(c.path("pods", pod, "exec"), query), remotecommand.StreamProtocolV5Name, remotecommand.StreamProtocolV4Name)
	if err != nil {
		return 0, err
	}
	e := &execution{conn: conn, command: command}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if command.Terminal != nil {
		if err := command.Terminal.SetRaw(); err != nil {
			return 0, err
		}
		defer func() { _ = command.Terminal.Reset() }()
		following, stop := context.WithCancel(ctx)
		defer stop()
		go e.follow(following, command.Terminal)
	}
	go e.send()
	code, err = e.receive()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return code, err
}

// execution is a command that runs.
type execution struct {
	conn    *websocket.Conn
	command docker.Command
	writing sync.Mutex // a WebSocket takes one message at a time
}

func (e *execution) write(channel byte, data []byte) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	return e.conn.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, data...))
}

// send sends what the user types. The end is sent where the protocol knows one.
func (e *execution) send() {
	const size = 4 << 10
	buffer := make([]byte, size)
	for {
		n, err := e.command.In.Read(buffer)
		if n > 0 && e.write(channelIn, buffer[:n]) != nil {
			return
		}
		if err != nil {
			if e.conn.Subprotocol() == remotecommand.StreamProtocolV5Name {
				_ = e.write(channelClose, []byte{channelIn})
			}
			return
		}
	}
}

// receive writes what the command prints, until it ends.
func (e *execution) receive() (code int, err error) {
	for {
		_, message, err := e.conn.ReadMessage()
		if err != nil {
			return 0, err
		}
		if len(message) == 0 {
			continue
		}
		var to io.Writer
		switch message[0] {
		case channelStatus:
			return exitCode(message[1:])
		case channelOut:
			to = e.command.Out
		case channelErr:
			to = e.command.Err
		default:
			continue
		}
		if _, err := to.Write(message[1:]); err != nil {
			return 0, err
		}
	}
}

// exitCode reads how a command has ended.
func exitCode(text []byte) (int, error) {
	var status metav1.Status
	if err := json.Unmarshal(text, &status); err != nil {
		return 0, fmt.Errorf("reading how it has ended: %w", err)
	}
	if status.Status == metav1.StatusSuccess {
		return 0, nil
	}
	if status.Reason == remotecommand.NonZeroExitCodeReason && status.Details != nil {
		for _, cause := range status.Details.Causes {
			if code, err := strconv.Atoi(cause.Message); err == nil && cause.Type == remotecommand.ExitCodeCauseType {
				return code, nil
			}
		}
	}
	return 0, errors.New(status.Message)
}

// lookAtSize is how often the size of the user's terminal is looked at: not every system tells
// when it changes.
const lookAtSize = 300 * time.Millisecond

// follow gives the command's terminal the size of the user's.
func (e *execution) follow(ctx context.Context, terminal console.Console) {
	ticker := time.NewTicker(lookAtSize)
	defer ticker.Stop()
	for last := (console.WinSize{}); ; {
		if now, err := terminal.Size(); err == nil && now != last {
			last = now
			_ = e.write(channelSize, fmt.Appendf(nil, `{"Width":%d,"Height":%d}`, now.Width, now.Height))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
