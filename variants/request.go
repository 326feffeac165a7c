package variants

import (
	"cmp"
	"fmt"
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

// Request is what the user asks of one derivation: a preset with its answers to what
// can be asked of any variant. An empty field asks for nothing; see [Request.Complete].
// Flags in frontend.Axes read, check and hand on what users can set.
type Request struct {
	// Preset is what users write: --variant=NAME. It is the name of a variant of the
	// table or one of the user's own.
	Preset string `json:"preset"`

	// Variant is the row of the table that the preset is made from, with the preset's
	// own suffix and sources.
	Variant Variant `json:"variant"`

	// Start is StartHold unless asked otherwise.
	Start Start `json:"start"`

	// Entry is empty where the image decides: EntryCmd if its command leads
	// straight to the program, else EntryInplace. A plan has the decision.
	Entry Entry `json:"entry,omitempty"`

	// Optimize leaves the program as optimized as production's: only what strips
	// its debug information is undone.
	Optimize bool `json:"optimize,omitempty"`

	// Listen is the debugger's address, "host:port" with an optional host. Where it is
	// empty, [Request.Address] is refused if the image seems to use it itself. A plan
	// has the address.
	Listen string `json:"listen"`

	// Program is the path of the program to debug, empty where the image's command
	// tells.
	Program string `json:"program,omitempty"`

	// Test is the import path of the package whose tests are started, for KindTest alone.
	// TestArgs are what their program is started with.
	Test     string   `json:"test,omitempty"`
	TestArgs []string `json:"testArgs,omitempty"`

	// Delve is the version of the debugger, empty where the program's Go decides.
	// DelveArgs are flags that it is started with, beside dlvgen's own.
	Delve     string   `json:"delve,omitempty"`
	DelveArgs []string `json:"delveArgs,omitempty"`

	// Rebuild says what becomes of a ready-made program that cannot be debugged; empty
	// is RebuildOff. RebuildImage is the image that compiles it, empty for the golang
	// image of the program's Go, RebuildHost for that Go without an image.
	Rebuild      Rebuild `json:"rebuild,omitempty"`
	RebuildImage string  `json:"rebuildImage,omitempty"`

	// NoGoCache leaves the persistent Go caches out of the compile steps, PrintLLB adds
	// the definitions to the result's metadata. The image is the same with both.
	NoGoCache bool `json:"-"`
	PrintLLB  bool `json:"-"`
}

// NewRequest asks for a variant with everything else at its default.
func NewRequest(v Variant) Request {
	return Request{Preset: v.Name, Variant: v, Start: StartHold}
}

// Complete puts the variant's own answers and the defaults where nothing was asked for.
// It fails for a variant that does not exist, and for one that something was asked of which
// it does not have.
func (r Request) Complete() (Request, error) {
	own, err := ByName(r.Variant.Name)
	if err != nil {
		return Request{}, err
	}
	switch {
	case own.Kind == KindTest && r.Test == "":
		return Request{}, fmt.Errorf("variant %s starts the tests of a package, and none is named: use dlvgen test", own.Name)
	case own.Kind != KindTest && (r.Test != "" || len(r.TestArgs) > 0):
		return Request{}, fmt.Errorf("variant %s starts no tests: name the variant %s, or no package", own.Name, Tests().Name)
	case own.Kind == KindTest && r.Entry != "":
		return Request{}, fmt.Errorf("variant %s starts the tests in the place of the program: leave entry out", own.Name)
	}
	r.Preset = cmp.Or(r.Preset, own.Name)
	r.Variant.Kind = own.Kind
	r.Variant.Suffix = cmp.Or(r.Variant.Suffix, own.Suffix)
	if t, err := ParseTemplate(r.Variant.Suffix); err == nil {
		r.Variant.Suffix = t.String() // one template can be written in several ways
	}
	r.Variant.Sources = cmp.Or(r.Variant.Sources, own.Sources)
	r.Start = cmp.Or(r.Start, StartHold)
	if r.Rebuild == RebuildOff {
		r.Rebuild = ""
	}
	return r, nil
}

// Address is where the debugger listens: Listen, or DefaultListen.
func (r Request) Address() string { return cmp.Or(r.Listen, DefaultListen) }
