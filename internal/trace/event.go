package trace

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/visible"
)

// Kind is what has happened.
type Kind string

// The kinds of events.
const (
	Call   Kind = "call"
	Return Kind = "return"
)

// Event is a call of a function, or its return.
type Event struct {
	// Time is when this client has heard of it.
	Time      time.Time `json:"time"`
	Kind      Kind      `json:"event"`
	Goroutine int64     `json:"goroutine"`
	Function  string    `json:"function"`

	// Inlined names the function that the called one is part of, where the compiler has put it there:
	// such a call has no return.
	Inlined string `json:"inlined,omitempty"`

	// Args are those of a call, Results those of a return.
	Args    []Value `json:"args,omitempty"`
	Results []Value `json:"results,omitempty"`

	// Seconds is how long a call has taken, with the time that the program stood still. It is not set
	// where the call was not seen.
	Seconds float64 `json:"seconds,omitempty"`

	// Stack has the callers, the innermost first.
	Stack []Caller `json:"stack,omitempty"`
}

// Value is an argument or a result.
type Value struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type"`

	// Value is as Delve writes it. Where the program does not have it, Unreadable says why.
	Value      string `json:"value,omitempty"`
	Unreadable string `json:"unreadable,omitempty"`
}

// Caller is where a function was called.
type Caller struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

// clock is how the time of an event is written.
const clock = "15:04:05.000000"

// String is the event on one line, and its stack below.
func (e Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s goroutine %d: %s", e.Time.Format(clock), e.Goroutine, e.Function)
	if e.Kind == Call {
		fmt.Fprintf(&b, "(%s)", list(e.Args))
		if e.Inlined != "" {
			b.WriteString(" inlined in " + e.Inlined)
		}
	} else {
		fmt.Fprintf(&b, " returned (%s)", list(e.Results))
		if e.Seconds > 0 {
			fmt.Fprintf(&b, " after %s", time.Duration(e.Seconds*float64(time.Second)).Round(time.Microsecond))
		}
	}
	text := visible.Line(b.String()) + "\n"
	for _, c := range e.Stack {
		text += visible.Line(fmt.Sprintf("    %s at %s:%d", c.Function, c.File, c.Line)) + "\n"
	}
	return text
}

func list(values []Value) string {
	var all []string
	for _, v := range values {
		all = append(all, v.String())
	}
	return strings.Join(all, ", ")
}

// gone stands for a value that an optimized program does not keep.
const gone = "(optimized away)"

// String is name = value. Results without a name have only a value.
func (v Value) String() string {
	text := v.Value
	switch {
	case v.Unreadable == notKept:
		text = gone
	case v.Unreadable != "":
		text = "(unreadable: " + v.Unreadable + ")"
	}
	if v.Name == "" || strings.HasPrefix(v.Name, "~") { // Delve's names of results that have none
		return text
	}
	return v.Name + " = " + text
}

// calls are those that have not returned, of each goroutine, the innermost last.
type calls struct {
	seen int
	of   map[int64][]call
}

type call struct {
	function string
	at       time.Time
}

func (c *calls) open() (count int) {
	for _, stack := range c.of {
		count += len(stack)
	}
	return count
}

func (c *calls) begin(e Event) {
	if c.of == nil {
		c.of = map[int64][]call{}
	}
	c.seen++
	if e.Inlined == "" {
		c.of[e.Goroutine] = append(c.of[e.Goroutine], call{e.Function, e.Time})
	}
}

// end is the call that returns. Those above it have panicked. A function that returns twice runs
// deferred calls in between: the second one counts for nothing.
func (c *calls) end(goroutine int64, function string) (begun time.Time, ok bool) {
	stack := c.of[goroutine]
	for i := len(stack) - 1; i >= 0; i-- {
		if stack[i].function == function {
			begun = stack[i].at
			if c.of[goroutine] = stack[:i]; i == 0 {
				delete(c.of, goroutine)
			}
			return begun, true
		}
	}
	return begun, false
}

// event is what has happened at a breakpoint of the trace. A return of a call that was not seen, and
// a call after enough of them, are nothing.
func (t *tracer) event(now time.Time, at point, thread delverpc.Thread) (Event, bool) {
	e := Event{Time: now, Kind: Call, Goroutine: thread.GoroutineID, Function: at.function}
	var info delverpc.BreakpointInfo
	if thread.BreakpointInfo != nil {
		info = *thread.BreakpointInfo
	}
	if !at.result {
		if t.enough() {
			return e, false
		}
		if f := thread.Function; f != nil && f.Name != at.function {
			e.Inlined = f.Name
		}
		t.calls.begin(e)
		e.Args = values(info.Arguments, delverpc.Argument)
		for _, frame := range info.Stacktrace[min(1, len(info.Stacktrace)):] { // the first one is its own
			c := Caller{File: frame.File, Line: frame.Line}
			if frame.Function != nil {
				c.Function = frame.Function.Name
			}
			e.Stack = append(e.Stack, c)
		}
		return e, true
	}
	begun, ok := t.calls.end(thread.GoroutineID, at.function)
	if !ok {
		return e, false
	}
	e.Kind, e.Seconds = Return, now.Sub(begun).Seconds()
	if e.Results = values(thread.ReturnValues, delverpc.ReturnArgument); len(e.Results) == 0 {
		e.Results = values(info.Arguments, delverpc.ReturnArgument)
	}
	return e, true
}

// values are those variables that have a flag. An optimized program may have a result in several
// places: the one counts that can be read.
func values(variables []delverpc.Variable, flag uint16) []Value {
	var list []Value
	for _, v := range variables {
		if v.Flags&flag == 0 {
			continue
		}
		value := newValue(v)
		at := slices.IndexFunc(list, func(other Value) bool { return other.Name == v.Name && v.Name != "_" })
		switch {
		case at < 0:
			list = append(list, value)
		case list[at].Unreadable != "":
			list[at] = value
		}
	}
	return list
}
