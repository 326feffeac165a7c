package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/llbgen"
)

// closeDelay is how long a command that was given up may hold its outputs open.
const closeDelay = 5 * time.Second

// explained asks `dlvgen explain` about a Dockerfile. wrong says what is not as the
// list has it, "" where the answer is right.
func (m *machine) explained(ctx context.Context, r row) (answer, wrong string) {
	if _, err := os.Stat(filepath.Join(r.dir(m.flags.checkouts), r.Path)); err != nil {
		return "", "not in the folder of checkouts"
	}
	replaced, err := m.contexts(ctx, r)
	if err != nil {
		return "", err.Error()
	}
	cmd := m.dlvgen(ctx, "explain", r, append(replaced, "--format", "json")...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	failed := cmd.Run() // a refusal is printed too
	if err := os.WriteFile(filepath.Join(m.flags.state, r.name()+".json"), out.Bytes(), 0o600); err != nil {
		return "", err.Error()
	}
	var list []derive.Explanation
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || len(list) != 1 {
		if failed == nil {
			return "", "no explanation"
		}
		answer = refused + " " + m.asNamed(refusalIn(said.String()))
	} else {
		answer = m.asNamed(answerOf(list[0]))
	}
	if text, ok := strings.CutPrefix(r.Answer, refused); ok && strings.HasPrefix(answer, refused) && strings.Contains(answer, strings.TrimSpace(text)) {
		return answer, ""
	}
	if answer != r.Answer {
		return answer, "want " + r.Answer
	}
	return answer, ""
}

const refused = "refused:"

// answerOf is an explanation in the form of the list.
func answerOf(e derive.Explanation) string {
	if e.Refusal != "" {
		return refused + " " + e.Refusal
	}
	program := e.Program
	if program == "" {
		program = "?"
	}
	var lines []string
	for _, s := range e.Steps {
		if s.Treatment == llbgen.TreatmentInstrumented {
			lines = append(lines, strconv.Itoa(s.Line))
		}
	}
	return program + " " + strings.Join(lines, ",")
}

// lastLine is what a command said at its end.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
