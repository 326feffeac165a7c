package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/dlvgen/dlvgen/internal/visible"
)

// formatValue is the flag --format: how results are written to stdout.
type formatValue string

const (
	formatText formatValue = "text"
	formatJSON formatValue = "json"
)

func newFormat() *formatValue {
	f := formatText
	return &f
}

func (*formatValue) usage() string {
	return `how results are printed: "text", or "json" for scripts`
}

// String, Set and Type make it a pflag.Value.
func (f *formatValue) String() string { return string(*f) }

// Type names the value in the help.
func (*formatValue) Type() string { return "format" }

// Set takes "text" and "json".
func (f *formatValue) Set(value string) error {
	switch v := formatValue(value); v {
	case formatText, formatJSON:
		*f = v
		return nil
	}
	return fmt.Errorf("it must be %q or %q", formatText, formatJSON)
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
