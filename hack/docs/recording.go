package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// recording is a terminal session in the format asciicast v2.
// See https://docs.asciinema.org/manual/asciicast/v2/.
type recording struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Title  string `json:"title"`

	events []event
}

// event is what happened at a time since the start.
type event struct {
	at   time.Duration
	kind string // "o": the terminal is written to; "m": a marker, here a caption
	data string
}

// readRecording reads a recording.
func readRecording(in io.Reader) (*recording, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		return nil, errors.Join(lines.Err(), io.ErrUnexpectedEOF)
	}
	r := &recording{}
	if err := json.Unmarshal(lines.Bytes(), r); err != nil {
		return nil, err
	}
	if r.Width < 1 || r.Width > 500 || r.Height < 1 || r.Height > 500 {
		return nil, fmt.Errorf("the terminal has %d columns and %d lines", r.Width, r.Height)
	}
	for lines.Scan() {
		var seconds float64
		var e event
		if err := json.Unmarshal(lines.Bytes(), &[]any{&seconds, &e.kind, &e.data}); err != nil {
			return nil, err
		}
		e.at = time.Duration(seconds * float64(time.Second))
		r.events = append(r.events, e)
	}
	return r, lines.Err()
}

// longest is how long nothing may happen in the picture: what takes longer is shortened.
const longest = 1500 * time.Millisecond

// shortened has the events without long pauses.
func (r *recording) shortened() []event {
	var events []event
	var before, now time.Duration
	for _, e := range r.events {
		now += min(e.at-before, longest)
		before, e.at = e.at, now
		events = append(events, e)
	}
	return events
}
