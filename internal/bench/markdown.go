package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Markdown is the table, and the steps, for docs/performance.md.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n", r.describe())
	for _, g := range r.Groups {
		title := strings.ToUpper(g.Title[:1]) + g.Title[1:]
		fmt.Fprintf(&b, "\n**%s** (`%s`)\n\n| | median | compared with | | ratio | to reach |\n|---|---|---|---|---|---|\n", title, g.Name)
		for _, l := range g.Lines {
			c := l.cells()
			reach := l.Reach
			if l.Met == "yes" {
				reach += ", reached"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", l.What, c.value, c.against, c.againstValue, c.ratio, reach)
		}
	}
	return b.String()
}

// MarkdownSteps are the steps of single edits.
func (r *Report) MarkdownSteps() string {
	var parts []string
	for _, g := range r.Groups {
		for _, s := range g.Steps {
			parts = append(parts, "```\n"+s.text()+"```\n")
		}
	}
	return strings.Join(parts, "\n")
}

// Short is the README's table.
func (r *Report) Short() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| | median | compared with | | ratio |\n|---|---|---|---|---|\n")
	for _, g := range r.Groups {
		first := true
		for _, l := range g.Lines {
			if !l.README {
				continue
			}
			if first {
				fmt.Fprintf(&b, "| **%s** | | | | |\n", g.Title)
				first = false
			}
			c := l.cells()
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", l.What, c.value, c.against, c.againstValue, c.ratio)
		}
	}
	fmt.Fprintf(&b, "\n%s.\n", r.describe())
	return b.String()
}

// WriteDocs replaces the generated sections of README.md and docs/performance.md below a
// folder. A report that lacks rows is refused, since the sections would lose them.
func (r *Report) WriteDocs(root string) error {
	if n := r.Failures(); n > 0 || !r.All {
		return fmt.Errorf("the report is not whole: %d rows failed, all groups were measured: %t", n, r.All)
	}
	performance := filepath.Join(root, "docs", "performance.md")
	return errors.Join(
		replaceSection(filepath.Join(root, "README.md"), "table", r.Short()),
		replaceSection(performance, "table", r.Markdown()),
		replaceSection(performance, "steps", r.MarkdownSteps()),
	)
}

// replaceSection puts text between a file's marks of that name.
func replaceSection(file, name, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := sectionMarks(name)
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s has no section between %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+"\n"+text+end+after), 0o644)
}

func sectionMarks(name string) (begin, end string) {
	return "<!-- make bench-docs writes the " + name + " -->\n", "<!-- end of the " + name + " -->"
}
