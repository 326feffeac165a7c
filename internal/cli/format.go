package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/dlvgen/dlvgen/internal/flagvalue"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/spf13/pflag"
)

// formatValue is the flag --format: how results are written to stdout.
type formatValue string

const (
	formatText formatValue = "text"
	formatJSON formatValue = "json"
)

// The formats of pictures, which explain has.
const (
	formatSVG formatValue = "svg"
	formatDot formatValue = "dot"
)

// register adds the flag, with text as its default.
func (f *formatValue) register(fs *pflag.FlagSet) {
	*f = formatText
	fs.Var(flagvalue.Word(f, "format", formatValue.check), "format", `how results are printed: "text", or "json" for scripts`)
}

// registerPictures is register for a command that draws, too.
func (f *formatValue) registerPictures(fs *pflag.FlagSet) {
	*f = formatText
	fs.Var(flagvalue.Word(f, "format", formatValue.checkPictures), "format", `how results are printed: "text", "json" for scripts, or a picture: "svg", or "dot" for Graphviz`)
}

func (f formatValue) check() error {
	if f == formatText || f == formatJSON {
		return nil
	}
	return fmt.Errorf("it must be %q or %q", formatText, formatJSON)
}

func (f formatValue) checkPictures() error {
	if f == formatSVG || f == formatDot || f.check() == nil {
		return nil
	}
	return fmt.Errorf("it must be %q, %q, %q or %q", formatText, formatJSON, formatSVG, formatDot)
}

func writeJSON(w io.Writer, v any) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// encode is JSON as dlvgen prints it: indented, a newline at its end, safe to show in a
// terminal.
func encode(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	return append(visible.JSON(data), '\n'), nil
}
