package delverpc

import "reflect"

// What follows are types of github.com/go-delve/delve/service/api, with what is used of them: that
// package links the whole debugger.

// Thread is one of the program's.
type Thread struct {
	PC             uint64          `json:"pc"`
	File           string          `json:"file"`
	Line           int             `json:"line"`
	GoroutineID    int64           `json:"goroutineID"`
	Function       *Function       `json:"function"`
	Breakpoint     *Breakpoint     `json:"breakPoint"` // that it has stopped at
	BreakpointInfo *BreakpointInfo `json:"breakPointInfo"`
	ReturnValues   []Variable      `json:"ReturnValues"`
}

// Function is one of the program's.
type Function struct {
	Name      string `json:"name"`
	Optimized bool   `json:"optimized"`
}

// Breakpoint is where a program stops, or, as a tracepoint, lets its client look and go on. Those
// that Delve has set itself have the ids -1 to -3.
type Breakpoint struct {
	ID           int         `json:"id,omitempty"`
	Name         string      `json:"name,omitempty"`
	FunctionName string      `json:"functionName,omitempty"`
	Line         int         `json:"line"` // -1: behind the prologue of the function
	Addr         uint64      `json:"addr,omitempty"`
	Addrs        []uint64    `json:"addrs,omitempty"`
	Tracepoint   bool        `json:"continue,omitempty"`
	TraceReturn  bool        `json:"traceReturn,omitempty"`
	Stacktrace   int         `json:"stacktrace,omitempty"`
	LoadArgs     *LoadConfig `json:"LoadArgs,omitempty"`
}

// BreakpointInfo is what was read at a breakpoint.
type BreakpointInfo struct {
	Stacktrace []Frame    `json:"stacktrace"`
	Arguments  []Variable `json:"arguments"`
}

// Frame is one of a stack.
type Frame struct {
	File     string    `json:"file"`
	Line     int       `json:"line"`
	Function *Function `json:"function"`
}

// LoadConfig is how much of variables is read.
type LoadConfig struct {
	FollowPointers     bool
	MaxVariableRecurse int
	MaxStringLen       int
	MaxArrayValues     int
	MaxStructFields    int
}

// Flags of variables (api, VariableFlags).
const (
	Argument       = 1 << 3
	ReturnArgument = 1 << 4
)

// Variable is a value of the program, and what is in it.
type Variable struct {
	Name       string       `json:"name"`
	Addr       uint64       `json:"addr"`
	OnlyAddr   bool         `json:"onlyAddr"`
	Type       string       `json:"type"`
	Flags      uint16       `json:"flags"`
	Kind       reflect.Kind `json:"kind"`
	Value      string       `json:"value"`
	Len        int64        `json:"len"`
	Cap        int64        `json:"cap"`
	Children   []Variable   `json:"children"`
	Base       uint64       `json:"base"`
	Unreadable string       `json:"unreadable"`

	// StringValueBytes are those of a string that is no Unicode.
	StringValueBytes []byte
}
