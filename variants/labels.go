package variants

import (
	"encoding/json"
	"fmt"
)

// Labels of a debug image. LabelVersion is in every one of them, and in nothing
// that dlvgen did not make.
const (
	labelPrefix = "io.github.dlvgen."

	LabelVersion = labelPrefix + "version" // dlvgen's own version
	LabelVariant = labelPrefix + "variant" // "remote"
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

// labelsOf are the labels that a plan adds.
func labelsOf(p *Plan) (map[string]string, error) {
	paths, err := json.Marshal(p.Paths)
	if err != nil {
		return nil, fmt.Errorf("encoding the path rules: %w", err)
	}
	labels := map[string]string{
		LabelVersion: p.Version,
		LabelVariant: p.Request.Variant.Name,
		LabelKind:    string(p.Request.Variant.Kind),
		LabelEntry:   string(p.Request.Entry),
		LabelDelve:   p.Delve,
		LabelGo:      p.Program.GoVersion,
		LabelProgram: p.Program.Path,
		LabelModule:  p.Program.Module,
		LabelListen:  p.Request.Listen,
		LabelStart:   string(p.Request.Start),
		LabelSources: string(p.Request.Variant.Sources),
		LabelPaths:   string(paths),
	}
	if r := p.Program.Rebuilt; r != nil {
		labels[LabelRebuilt] = r.String()
	}
	return labels, nil
}
