package variants

import (
	"encoding/json"
	"fmt"
)

// Names of the labels of a debug image. LabelVersion is in every one of them, and in
// nothing that dlvgen did not make.
const (
	labelPrefix = "io.github.dlvgen."

	LabelVersion = labelPrefix + "version" // dlvgen's own version
	LabelVariant = labelPrefix + "variant" // "remote"
	LabelPreset  = labelPrefix + "preset"  // "fast", or the variant's name
	LabelKind    = labelPrefix + "kind"    // "remote"
	LabelEntry   = labelPrefix + "entry"   // "cmd", "inplace", or empty
	LabelDelve   = labelPrefix + "delve"   // "1.27.2"
	LabelGo      = labelPrefix + "go"      // "go1.26.8"
	LabelProgram = labelPrefix + "program" // "/server"
	LabelModule  = labelPrefix + "module"  // "example.com/hello"
	LabelListen  = labelPrefix + "listen"  // ":8000"
	LabelStart   = labelPrefix + "start"   // "hold"
	LabelSources = labelPrefix + "sources" // "excluded"
	LabelPaths   = labelPrefix + "paths"   // the path rules as JSON
	LabelRebuilt = labelPrefix + "rebuilt" // "context" or "module@v1.2.3", where the program is not production's
)

// Labels are what the labels of a debug image say.
type Labels struct {
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
	Rebuilt string // empty where the program is production's
}

// labelsOf are the labels that a plan adds.
func labelsOf(p *Plan) Labels {
	l := Labels{
		Version: p.Version,
		Variant: p.Request.Variant.Name,
		Preset:  p.Request.Preset,
		Kind:    p.Request.Variant.Kind,
		Entry:   p.Request.Entry,
		Delve:   p.Delve,
		Go:      p.Program.GoVersion,
		Program: p.Program.Path,
		Module:  p.Program.Module,
		Listen:  p.Request.Listen,
		Start:   p.Request.Start,
		Sources: p.Request.Variant.Sources,
		Paths:   p.Paths,
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
	labels := map[string]string{
		LabelVersion: l.Version,
		LabelVariant: l.Variant,
		LabelPreset:  l.Preset,
		LabelKind:    string(l.Kind),
		LabelEntry:   string(l.Entry),
		LabelDelve:   l.Delve,
		LabelGo:      l.Go,
		LabelProgram: l.Program,
		LabelModule:  l.Module,
		LabelListen:  l.Listen,
		LabelStart:   string(l.Start),
		LabelSources: string(l.Sources),
		LabelPaths:   string(paths),
	}
	if l.Rebuilt != "" {
		labels[LabelRebuilt] = l.Rebuilt
	}
	return labels, nil
}
