package main

import (
	"fmt"
	"io"
	"strings"
)

// writeTable writes the Markdown table of all rows, and a line that counts them.
func writeTable(w io.Writer, rows []row, known *results) error {
	counted := map[string]int{}
	var b strings.Builder
	b.WriteString("| repository | Dockerfile | result | reason |\n|---|---|---|---|\n")
	for _, r := range rows {
		outcome, reason := judged(r, known.of(r))
		counted[outcome]++
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Repository, r.Path, outcome, cell(reason))
	}
	b.WriteString("\n")
	for _, outcome := range []string{derived, explainedOnly, refusedRightly, failed, wronglyExplained, notExplained} {
		if counted[outcome] > 0 {
			fmt.Fprintf(&b, "%d %s. ", counted[outcome], outcome)
		}
	}
	_, err := fmt.Fprintln(w, strings.TrimSpace(b.String()))
	return err
}

// The outcomes.
const (
	derived          = "breakpoint hit"
	explainedOnly    = "explained"
	refusedRightly   = "refused"
	failed           = "failed"
	wronglyExplained = "explained wrongly"
	notExplained     = "not asked yet"
)

// judged is a row's outcome and what is to be said about it.
func judged(r row, res result) (outcome, reason string) {
	switch program, lines, _ := strings.Cut(res.Explained, " "); {
	case res.Derived != "" && res.Wrong != "":
		return derived, fmt.Sprintf("stopped at %s; explained as %q, %s", res.Derived, res.Explained, res.Wrong)
	case res.Wrong != "":
		return wronglyExplained, strings.TrimSpace(res.Explained + " " + res.Wrong)
	case res.Explained == "":
		return notExplained, "run it without --build"
	case strings.HasPrefix(res.Explained, refused):
		return refusedRightly, strings.TrimSpace(strings.TrimPrefix(res.Explained, refused))
	case res.Derived != "":
		return derived, fmt.Sprintf("%s, stopped at %s", compiledBy(program, lines), res.Derived)
	case res.Failure != "":
		return failed, res.Failure
	case r.Hindrance != "":
		return explainedOnly, compiledBy(program, lines) + "; not buildable here: " + r.Hindrance
	default:
		return explainedOnly, compiledBy(program, lines) + "; not tried"
	}
}

// compiledBy says what an answer of the list's form says.
func compiledBy(program, lines string) string {
	if program == "?" {
		return "a build tells which program; steps with the stand-in for go: lines " + lines
	}
	return program + "; steps with the stand-in for go: lines " + lines
}

// cell keeps a text on one line of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
