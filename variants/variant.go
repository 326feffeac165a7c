// Package variants decides what a debug variant is: which of them there are, what
// their tags are called, and how a production image becomes one of them. It is
// pure: no I/O, no clock, no environment, no randomness.
package variants

import (
	"fmt"
	"strings"
)

// Kind says how the debugger comes to the program.
type Kind string

// The kinds.
const (
	// KindRemote starts the program under a headless debugger.
	KindRemote Kind = "remote"
	// KindAttach starts what production starts; the debugger lies beside it, idle.
	KindAttach Kind = "attach"
	// KindSidecar is an image of its own, without the application: it attaches to
	// a program in the PID namespace that it shares with a running container.
	KindSidecar Kind = "sidecar"
	// KindTest starts the tests of a package, in the place of the program, under a headless
	// debugger.
	KindTest Kind = "test"
)

// Serves tells whether the debugger of a container listens from its start on.
func (k Kind) Serves() bool { return k == KindRemote || k == KindTest }

// Listens tells whether a container of the image has a debugger that listens. That of a sidecar
// debugs the program of another one.
func (k Kind) Listens() bool { return k.Serves() || k == KindSidecar }

// Sources says whether a variant carries the sources that were compiled.
type Sources string

// The two answers.
const (
	SourcesExcluded Sources = "excluded"
	SourcesBaked    Sources = "baked"
)

// Variant is one row of the table of variants.
type Variant struct {
	// Name is what users write: --variant=remote-src.
	Name string `json:"name"`

	// Suffix is what its tag adds to production's, "-debug-src", or a [Template] for its
	// references.
	Suffix string `json:"suffix"`

	Kind    Kind    `json:"kind"`
	Sources Sources `json:"sources"`
}

// Known lists the variants, in the order in which they are documented.
func Known() []Variant {
	return []Variant{
		{Name: "remote", Suffix: "-debug", Kind: KindRemote, Sources: SourcesExcluded},
		{Name: "remote-src", Suffix: "-debug-src", Kind: KindRemote, Sources: SourcesBaked},
		{Name: "attach", Suffix: "-debug-attach", Kind: KindAttach, Sources: SourcesBaked},
		{Name: "sidecar", Suffix: "-debug-sidecar", Kind: KindSidecar, Sources: SourcesBaked},
	}
}

// Tests is the variant with the tests of a package. It is none of the table, which is what
// a production image alone is made into.
func Tests() Variant {
	return Variant{Name: "test", Suffix: "-test", Kind: KindTest, Sources: SourcesExcluded}
}

// Names lists the names of all variants.
func Names() []string {
	var names []string
	for _, v := range Known() {
		names = append(names, v.Name)
	}
	return names
}

// ByName returns the variant of that name, [Tests] among them. The error lists the names
// of the table, the nearest first.
func ByName(name string) (Variant, error) {
	for _, v := range append(Known(), Tests()) {
		if v.Name == name {
			return v, nil
		}
	}
	return Variant{}, fmt.Errorf("unknown variant %q: did you mean %q? The variants are %s",
		name, Nearest(name, Names()), strings.Join(Names(), ", "))
}
