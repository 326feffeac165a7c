package variants

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/internal/planfile"
	digest "github.com/opencontainers/go-digest"
	"golang.org/x/mod/module"
)

// Names of the labels of a debug image. LabelVersion is in every one of them, and in
// nothing that dlvgen did not make.
const (
	LabelPrefix = "io.github.dlvgen." // begins each of them

	LabelFormat  = LabelPrefix + "format"  // planfile.Format, absent in images of the first dlvgens
	LabelVersion = LabelPrefix + "version" // dlvgen's own version
	LabelVariant = LabelPrefix + "variant" // "remote"
	LabelPreset  = LabelPrefix + "preset"  // "fast", or the variant's name
	LabelKind    = LabelPrefix + "kind"    // "remote"
	LabelEntry   = LabelPrefix + "entry"   // "cmd", "inplace", or empty
	LabelDelve   = LabelPrefix + "delve"   // "1.27.2"
	LabelGo      = LabelPrefix + "go"      // "go1.26.8"
	LabelProgram = LabelPrefix + "program" // "/server"
	LabelModule  = LabelPrefix + "module"  // "example.com/hello"
	LabelListen  = LabelPrefix + "listen"  // ":8000"
	LabelStart   = LabelPrefix + "start"   // "hold"
	LabelSources = LabelPrefix + "sources" // "excluded"
	LabelPaths   = LabelPrefix + "paths"   // the path rules as JSON

	// These are there where they say something.
	LabelTest             = LabelPrefix + "test"              // "example.com/hello/store", the package whose tests are started
	LabelRebuilt          = LabelPrefix + "rebuilt"           // "context", "git" or "module@v1.2.3", where the program is not production's
	LabelProductionName   = LabelPrefix + "production.name"   // "docker.io/library/app:v1"
	LabelProductionDigest = LabelPrefix + "production.digest" // "sha256:..."
)

// Labels are what the labels of a debug image say.
type Labels struct {
	Format  string // decimal, empty where the image has none
	Version string // dlvgen's own
	Variant string // a name of the table of variants
	Preset  string // empty in images of a dlvgen that did not write it
	Kind    Kind
	Entry   Entry  // empty where the image's command is production's
	Delve   string // version
	Go      string // "go1.26.8"
	Program string // absolute path in the image
	Module  string // main module, empty for a program of none
	Listen  string // "host:port" with an optional host
	Start   Start
	Sources Sources
	Paths   []PathRule
	Test    string // import path, empty where the program is none of tests
	Rebuilt string // empty where the program is production's

	// Reference and Digest are the production image's, empty where they were not known.
	Reference, Digest string
}

// label is one of the labels, with the field that has its value.
type label struct {
	name  string
	value *string
	check func(string) error

	// sparse leaves it out where it is empty.
	sparse bool
}

// all are the labels, but for the path rules, in the order in which they are checked.
func (l *Labels) all() []label {
	return []label{
		{name: LabelFormat, value: &l.Format, check: oneOf("", strconv.Itoa(planfile.Format))},
		{name: LabelVersion, value: &l.Version, check: checkVersion},
		{name: LabelVariant, value: &l.Variant, check: oneOf(append(Names(), Tests().Name)...)},
		{name: LabelPreset, value: &l.Preset, check: optional(CheckPreset)},
		{name: LabelKind, value: (*string)(&l.Kind), check: oneOf(string(KindRemote), string(KindAttach), string(KindSidecar), string(KindTest))},
		{name: LabelEntry, value: (*string)(&l.Entry), check: oneOf("", string(EntryCmd), string(EntryInplace))},
		{name: LabelDelve, value: &l.Delve, check: optional(checkVersion)},
		{name: LabelGo, value: &l.Go, check: checkVisible},
		{name: LabelProgram, value: &l.Program, check: optional(checkAbsolute)},
		{name: LabelModule, value: &l.Module, check: optional(module.CheckImportPath)},
		{name: LabelListen, value: &l.Listen, check: checkListen},
		{name: LabelStart, value: (*string)(&l.Start), check: oneOf("", string(StartHold), string(StartContinue))},
		{name: LabelSources, value: (*string)(&l.Sources), check: oneOf("", string(SourcesExcluded), string(SourcesBaked))},
		{name: LabelTest, value: &l.Test, check: optional(module.CheckImportPath), sparse: true},
		{name: LabelRebuilt, value: &l.Rebuilt, check: checkVisible, sparse: true},
		{name: LabelProductionName, value: &l.Reference, check: optional(parsed(reference.ParseNormalizedNamed)), sparse: true},
		{name: LabelProductionDigest, value: &l.Digest, check: optional(parsed(digest.Parse)), sparse: true},
	}
}

// labelsOf are the labels that a plan adds.
func labelsOf(p *Plan) Labels {
	l := Labels{
		Format: strconv.Itoa(p.Format), Version: p.Version, Delve: p.Delve, Paths: p.Paths,
		Variant: p.Request.Variant.Name, Preset: p.Request.Preset, Kind: p.Request.Variant.Kind, Sources: p.Request.Variant.Sources,
		Entry: p.Request.Entry, Listen: p.Request.Listen, Start: p.Request.Start,
		Go: p.Program.GoVersion, Program: p.Program.Path, Module: p.Program.Module,
		Reference: p.Production.Reference, Digest: p.Production.Digest,
	}
	if p.Test != nil {
		l.Test = p.Test.Package
	}
	if r := p.Program.Rebuilt; r != nil {
		l.Rebuilt = r.String()
	}
	return l
}

// Encode writes the labels as an image's config has them. [ParseLabels] reads them.
func (l Labels) Encode() (map[string]string, error) {
	paths, err := json.Marshal(l.Paths)
	if err != nil {
		return nil, fmt.Errorf("encoding the path rules: %w", err)
	}
	labels := map[string]string{LabelPaths: string(paths)}
	for _, one := range l.all() {
		if *one.value != "" || !one.sparse {
			labels[one.name] = *one.value
		}
	}
	return labels, nil
}
