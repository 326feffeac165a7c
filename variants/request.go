package variants

import (
	"fmt"
	"net"
	"strconv"
)

// Start says what the program does when the container starts.
type Start string

// The two starts.
const (
	// StartHold keeps the program before its first instruction until a client continues it.
	StartHold Start = "hold"
	// StartContinue lets the program run, the debugger listening beside it.
	StartContinue Start = "continue"
)

// DefaultListen is where the debugger listens: port 8000 of every address.
const DefaultListen = ":8000"

// Request is what the user asks of one derivation.
type Request struct {
	Variant Variant `json:"variant"`

	// Start is StartHold unless asked otherwise.
	Start Start `json:"start"`

	// Listen is the debugger's address, "host:port" with an optional host.
	Listen string `json:"listen"`
}

// Validate reports the first value that cannot be honoured.
func (r Request) Validate() error {
	if r.Start != StartHold && r.Start != StartContinue {
		return fmt.Errorf("start is %q: it must be %q or %q", r.Start, StartHold, StartContinue)
	}
	if _, err := r.Port(); err != nil {
		return err
	}
	return nil
}

// Port is the port of Listen, 1 to 65535.
func (r Request) Port() (int, error) {
	_, port, err := net.SplitHostPort(r.Listen)
	if err != nil {
		return 0, fmt.Errorf("listen is %q: it must be host:port or :port, such as %q", r.Listen, DefaultListen)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("listen is %q: the port must be a number from 1 to 65535", r.Listen)
	}
	return n, nil
}
