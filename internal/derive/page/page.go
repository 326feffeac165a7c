// Package page writes explanations for people to read.
package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"mvdan.cc/sh/v3/syntax"
)

// widest is how much of a step's text is shown.
const widest = 90

// Write writes one explanation: the answer first, then what it rests on.
func Write(b *bytes.Buffer, e derive.Explanation) {
	WriteAnalysis(b, e)
	if e.Refusal != "" {
		putf(b, "\nrefused: %s\n", e.Refusal)
	}
}

// putf writes to a page. What it is made of comes from the Dockerfile, from images and
// from the programs in them: no value acts on a terminal or goes beyond its place.
func putf(w io.Writer, format string, values ...any) {
	for i, value := range values {
		values[i] = visible.Line(fmt.Sprint(value))
	}
	_, _ = fmt.Fprintf(w, format, values...) // a buffer takes everything
}

// WriteAnalysis is the page without the refusal's text.
func WriteAnalysis(b *bytes.Buffer, e derive.Explanation) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	line := func(label, text string) {
		if text != "" {
			putf(w, "%s\t%s\n", label, text)
		}
	}
	line("image", fmt.Sprintf("%s, %s: %s", e.Variant, e.Platform, verdict(e)))
	line("starts", commandLine(e))
	line("between", e.Detour)
	line("program", orUnknown(e.Program, "known after a build"))
	line("made by", oneLine(e.Origin))
	if r := e.Rebuilt; r != nil {
		line("rebuilt", fmt.Sprintf("from %s, in %s: %s", r, r.Image, strings.Join(r.Command, " ")))
	}
	if e.Refusal == "" {
		line("go", orUnknown(e.Go, "known after a build"))
		line("delve", strings.Join(append([]string{orUnknown(e.Delve, "the one for that Go")}, e.DelveArgs...), " "))
		line("entry", entryText(e.Entry))
	} else {
		line("go", e.Go)
	}
	_ = w.Flush() // a buffer takes everything
	writeSteps(b, e.Steps)
	writeCalls(b, e.Calls)
	writeLayers(b, e.Layers)
	for _, warning := range append(slices.Clone(e.Warnings), e.Emulated) {
		if warning != "" {
			putf(b, "\nnote: %s\n", warning)
		}
	}
}

func verdict(e derive.Explanation) string {
	switch {
	case e.Refusal != "":
		return "refused"
	case e.Ready:
		return "can be derived, the program is used as it is"
	case e.Rebuilt != nil:
		return "can be derived, the program is compiled again"
	case len(e.Warnings) > 0:
		return "can be derived as far as can be told without building"
	}
	return "can be derived"
}

// commandLine is the image's command in exec form.
func commandLine(e derive.Explanation) string {
	var parts []string
	for _, part := range []struct {
		name  string
		words []string
	}{{"ENTRYPOINT", e.Entrypoint}, {"CMD", e.Cmd}} {
		if len(part.words) > 0 {
			var words strings.Builder
			encoder := json.NewEncoder(&words)
			encoder.SetEscapeHTML(false)
			_ = encoder.Encode(part.words) // strings always have a form
			parts = append(parts, part.name+" "+strings.TrimSpace(words.String()))
		}
	}
	return orUnknown(strings.Join(parts, " "), "nothing")
}

func orUnknown(value, instead string) string {
	if value == "" {
		return instead
	}
	return value
}

// entryText says where the debugger comes in.
func entryText(e variants.Entry) string {
	switch e {
	case variants.EntryCmd:
		return "cmd: the image's command starts the program under Delve"
	case variants.EntryInplace:
		return "inplace: a launcher replaces the program at its path"
	}
	return ""
}

// writeSteps lists the RUN steps under what becomes of them.
func writeSteps(b *bytes.Buffer, steps []llbgen.Surveyed) {
	for _, group := range []struct {
		treatment llbgen.Treatment
		title     string
	}{
		{llbgen.TreatmentInstrumented, "steps that compile with the stand-in for go"},
		{llbgen.TreatmentRepeated, "steps that run again, because they start from other files"},
		{llbgen.TreatmentCached, "steps that come from production's cache"},
	} {
		titled := false
		for _, s := range steps {
			if s.Treatment != group.treatment {
				continue
			}
			if !titled {
				putf(b, "\n%s\n", group.title)
				titled = true
			}
			putf(b, "  %s%s\n", place(s.Line), oneLine(s.Name))
			if text := reasonText(s); text != "" {
				putf(b, "    %s\n", text)
			}
		}
	}
}

// reasonText says why a step may compile Go, and how far that is known.
func reasonText(s llbgen.Surveyed) string {
	switch {
	case s.Reason == "":
		return ""
	case s.Open:
		return fmt.Sprintf("it %s: only a build can tell whether its stage has Go", s.Reason)
	case s.Treatment == llbgen.TreatmentInstrumented:
		return "it " + s.Reason
	case s.NoGo:
		return fmt.Sprintf("it %s, and its stage has no Go", s.Reason)
	}
	return fmt.Sprintf("it %s, which is assumed not to compile Go", s.Reason)
}

func place(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf("line %d: ", line)
}

// writeLayers lists what is put on production's layers.
func writeLayers(b *bytes.Buffer, layers []derive.Layer) {
	if len(layers) == 0 {
		return
	}
	b.WriteString("\nlayers\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, l := range layers {
		putf(w, "  %s\t%s\n", orUnknown(l.Files, "the program's path"), l.Description)
	}
	_ = w.Flush()
}

// writeCalls lists the calls of go that compiled programs under their steps.
func writeCalls(b *bytes.Buffer, calls []derive.Call) {
	if len(calls) == 0 {
		return
	}
	b.WriteString("\nwhat these steps compiled\n")
	step := ""
	for _, c := range calls {
		if c.Step != step {
			step = c.Step
			putf(b, "  %s\n", oneLine(step))
		}
		putf(b, "    %s in %s by %s\n", strings.Join(c.Programs, ", "), c.Dir, c.Go)
		putf(b, "      called:  %s\n", shellLine(c.GoflagsBefore, c.Before))
		putf(b, "      ran:     %s\n", shellLine(c.GoflagsAfter, c.After))
	}
}

// shellLine is a command as a shell takes it, with its GOFLAGS.
func shellLine(goflags string, argv []string) string {
	var words []string
	if goflags != "" {
		words = append(words, "GOFLAGS="+shellQuote(goflags))
	}
	for _, word := range argv {
		words = append(words, shellQuote(word))
	}
	return strings.Join(words, " ")
}

func shellQuote(word string) string {
	quoted, err := syntax.Quote(word, syntax.LangBash)
	if err != nil {
		return fmt.Sprintf("%q", word) // it has a NUL byte, which no shell takes
	}
	return quoted
}

// oneLine shortens a step's text to what fits a line.
func oneLine(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > widest {
		return string(runes[:widest-1]) + "…"
	}
	return string(runes)
}
