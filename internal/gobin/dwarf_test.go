package gobin

import (
	"bytes"
	"debug/elf"
	"errors"
	"slices"
	"strings"
	"testing"
)

const (
	plain       = "Go cmd/compile go1.26.8; -N -l regabi"
	onlyNoInl   = "Go cmd/compile go1.26.8; -l regabi"
	noFlags     = "Go cmd/compile go1.16.15"
	cProducer   = "GNU C17 12.2.0 -O2"
	languageC11 = 0x1d
)

func TestUnitsOfTheMainModuleAreCounted(t *testing.T) {
	tests := []struct {
		name      string
		info      []byte
		units     int
		optimized []string
		dwarf     bool
	}{
		{"nothing", nil, 0, nil, false},
		{"C alone is no debug information of Go", encode(made{name: "x.c", producer: cProducer, language: languageC11}), 0, nil, false},
		{"unoptimized", encode(made{name: "main", producer: plain}, made{name: "example.com/app/in", producer: plain}), 2, nil, true},
		{"only the main package is unoptimized", encode(made{name: "main", producer: plain}, made{name: "example.com/app/in", producer: onlyNoInl}), 2, []string{"example.com/app/in"}, true},
		{"no flags at all", encode(made{name: "main", producer: noFlags}), 1, []string{"main"}, true},
		{"other modules do not count", encode(made{name: "main", producer: plain}, made{name: "runtime", producer: noFlags},
			made{name: "example.com/app/nested/x", producer: noFlags}, made{name: "example.com/apparel", producer: noFlags}), 1, nil, true},
		{"one package in two units", encode(made{name: "main", producer: plain}, made{name: "main", producer: plain}), 1, nil, true},
		{"units larger than what is kept", encode(made{name: "runtime", producer: plain, children: 3 * unitHead}, made{name: "main", producer: noFlags, children: unitHead}), 1, []string{"main"}, true},
		{"DWARF 5, and 64-bit DWARF", encode(made{name: "main", producer: plain, version: 5}, made{name: "example.com/app/a", producer: noFlags, wide: true},
			made{name: "example.com/app/b", producer: noFlags, wide: true, version: 5}), 3, []string{"example.com/app/a", "example.com/app/b"}, true},
		{"padding between units", slices.Concat(encode(made{name: "runtime", producer: plain}), make([]byte, 8), encode(made{name: "main", producer: plain})), 1, nil, true},
		{"a unit of an unknown version beside", slices.Concat(encode(made{name: "x", version: 9}), encode(made{name: "main", producer: plain})), 1, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			facts, err := Read(bytes.NewReader(goELF(t, tt.info)))
			if err != nil {
				t.Fatal(err)
			}
			if facts.Units != tt.units || facts.DWARF != tt.dwarf || !slices.Equal(facts.Optimized, tt.optimized) {
				t.Errorf("units %d, optimized %q, DWARF %t; want %d, %q, %t",
					facts.Units, facts.Optimized, facts.DWARF, tt.units, tt.optimized, tt.dwarf)
			}
		})
	}
}

func TestOldCompressedSectionsAreInflated(t *testing.T) {
	info := encode(made{name: "runtime", producer: plain, children: 100_000}, made{name: "main", producer: noFlags})
	facts, err := Read(bytes.NewReader(makeELF(t,
		section{name: ".go.buildinfo", kind: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, data: makeBuildInfo()},
		section{name: ".zdebug_abbrev", kind: elf.SHT_PROGBITS, data: deflated(t, abbrev)},
		section{name: ".zdebug_info", kind: elf.SHT_PROGBITS, data: deflated(t, info)},
	)))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(facts.Optimized, []string{"main"}) {
		t.Errorf("optimized %q, want main", facts.Optimized)
	}
}

func TestDamagedDebugInformationIsAnError(t *testing.T) {
	whole := encode(made{name: "main", producer: plain, children: 100})
	for name, info := range map[string][]byte{
		"ends within a unit":          whole[:len(whole)-1],
		"ends within a length":        append(slices.Clone(whole), 1, 0),
		"claims more than there is":   {0xff, 0xff, 0xff, 0x7f, 4, 0},
		"64-bit length beyond bounds": append([]byte{0xff, 0xff, 0xff, 0xff}, bytes.Repeat([]byte{0xff}, 20)...),
		"main does not decode":        encode(made{name: "main", version: 9}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(goELF(t, info)))
			var format *FormatError
			if !errors.As(err, &format) || format.Kind != KindMalformed {
				t.Fatalf("got %v, want a malformed file", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestModuleOwnsPackagesByLongestPath(t *testing.T) {
	m := module{path: "example.com/app.v2", others: []string{"example.com/app.v2/nested"}}
	gopath := module{path: "example.com/cmd"}
	nothing := module{}
	tests := []struct {
		m    module
		unit string
		want bool
	}{
		{m, "main", true},
		{m, "example.com/app.v2", true},
		{m, "example.com/app%2ev2", true},
		{m, "example.com/app.v2_test", true},
		{m, "example.com/app.v2/x/y", true},
		{m, "example.com/app.v2/nested", false},
		{m, "example.com/app.v2/nested/x", false},
		{m, "example.com/app.v2/nestedness", true},
		{m, "example.com/app.v22", false},
		{m, "runtime", false},
		{gopath, "example.com/cmd/x", true},
		{gopath, "example.com/cmd/vendor/example.org/y", false},
		{gopath, "main", true},
		{nothing, "main", true},
		{nothing, "fmt", false},
	}
	for _, tt := range tests {
		if got := tt.m.has(tt.unit); got != tt.want {
			t.Errorf("%+v has %q: %t, want %t", tt.m, tt.unit, got, tt.want)
		}
	}
}
