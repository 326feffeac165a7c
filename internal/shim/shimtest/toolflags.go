package shimtest

import (
	"flag"
	"io"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// ToolFlags are flags as the flag package reads them, which the compiler and the linker
// use: names of those without and with a value.
func ToolFlags(bools, valued string) *flag.FlagSet {
	set := flag.NewFlagSet("tool", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for name := range toolflags.Names(bools) {
		set.Bool(name, false, "")
	}
	for name := range toolflags.Names(valued) {
		set.String(name, "", "")
	}
	return set
}

// ParseToolFlags reads a value of -gcflags or -ldflags. ok is false where the tool, or the
// go command before it, refuses the value.
func ParseToolFlags(set *flag.FlagSet, value string) (args []string, ok bool) {
	v, err := toolflags.ParseValue(value)
	if err != nil {
		return nil, false
	}
	for _, w := range v.Words {
		args = append(args, w.Text)
	}
	if set.Parse(args) != nil {
		return nil, false
	}
	return set.Args(), true
}
