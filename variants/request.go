package variants

import (
	"fmt"
	"path"
)

// Start says what the program does when the container starts.
type Start string

// The two starts that an image can have. DLVGEN_START in the container's
// environment chooses again, and knows "off" too.
const (
	// StartHold keeps the program before its first instruction until a client continues it.
	StartHold Start = "hold"
	// StartContinue lets the program run, the debugger listening beside it.
	StartContinue Start = "continue"
)

// Entry says at which point the debugger comes in between.
type Entry string

// The entries.
const (
	// EntryCmd puts the debugger in front of the program, in the image's command.
	EntryCmd Entry = "cmd"
	// EntryInplace leaves the image's command alone: a launcher stands at the
	// program's own path, whoever starts it.
	EntryInplace Entry = "inplace"
)

// DefaultListen is where the debugger listens: port 8000 of every address.
const DefaultListen = ":8000"

// Request is what the user asks of one derivation.
type Request struct {
	Variant Variant `json:"variant"`

	// Start is StartHold unless asked otherwise.
	Start Start `json:"start"`

	// Entry is empty where the image decides: EntryCmd if its command leads
	// straight to the program, else EntryInplace. A plan has the decision.
	Entry Entry `json:"entry,omitempty"`

	// Optimize leaves the program as optimized as production's: only what strips
	// its debug information is undone.
	Optimize bool `json:"optimize,omitempty"`

	// Listen is the debugger's address, "host:port" with an optional host.
	Listen string `json:"listen"`

	// ListenAsked is set where the user named the address: then only EXPOSE in the
	// image speaks against it.
	ListenAsked bool `json:"-"`

	// Program is the path of the program to debug, empty where the image's command
	// tells.
	Program string `json:"program,omitempty"`

	// Delve is the version of the debugger, empty where the program's Go decides.
	Delve string `json:"delve,omitempty"`

	// Rebuild says what becomes of a ready-made program that cannot be debugged; empty
	// is RebuildOff. RebuildImage is the image that compiles it, empty for the golang
	// image of the program's Go.
	Rebuild      Rebuild `json:"rebuild,omitempty"`
	RebuildImage string  `json:"rebuildImage,omitempty"`
}

// NewRequest asks for a variant with some of its axes chosen.
func NewRequest(v Variant, a Axes) Request {
	r := Request{
		Variant: v, Start: a.Start, Entry: a.Entry, Optimize: a.Optimize,
		Listen: a.Listen, ListenAsked: a.Listen != "", Program: a.Program, Delve: a.Delve,
		Rebuild: a.Rebuild, RebuildImage: a.RebuildImage,
	}
	if r.Rebuild == RebuildOff {
		r.Rebuild = ""
	}
	if a.Sources != "" {
		r.Variant.Sources = a.Sources
	}
	if r.Start == "" {
		r.Start = StartHold
	}
	if r.Listen == "" {
		r.Listen = DefaultListen
	}
	return r
}

// Validate reports the first value that cannot be honoured.
func (r Request) Validate() error {
	if s := r.Variant.Sources; s != SourcesExcluded && s != SourcesBaked {
		return fmt.Errorf("sources is %q: it must be %q or %q", s, SourcesBaked, SourcesExcluded)
	}
	if r.Start != StartHold && r.Start != StartContinue {
		return fmt.Errorf("start is %q: it must be %q or %q", r.Start, StartHold, StartContinue)
	}
	if r.Entry != "" && r.Entry != EntryCmd && r.Entry != EntryInplace {
		return fmt.Errorf("entry is %q: it must be %q or %q", r.Entry, EntryCmd, EntryInplace)
	}
	if r.Program != "" && !path.IsAbs(r.Program) {
		return fmt.Errorf("program is %q: it must be the absolute path of a file in the image", r.Program)
	}
	if err := r.Rebuild.validate(); err != nil {
		return err
	}
	_, err := r.Port()
	return err
}

// Port is the port of Listen, 1 to 65535. It fails where Listen is no address.
func (r Request) Port() (int, error) {
	_, port, err := SplitAddress(r.Listen)
	if err != nil {
		return 0, fmt.Errorf("listen is %q: %w", r.Listen, err)
	}
	return port, nil
}
