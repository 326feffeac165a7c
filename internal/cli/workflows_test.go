package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v3"
)

// codeBlocks are the indented blocks of a page.
func codeBlocks(page string) (blocks []string) {
	var block strings.Builder
	end := func() {
		if text := strings.TrimSpace(block.String()); text != "" {
			blocks = append(blocks, text+"\n")
		}
		block.Reset()
	}
	for line := range strings.Lines(page) {
		code, indented := strings.CutPrefix(line, "    ")
		switch {
		case indented:
			block.WriteString(code)
		case strings.TrimSpace(line) == "":
			block.WriteString("\n")
		default:
			end()
		}
	}
	end()
	return blocks
}

// TestWorkflowsOfTheDocsAreValid has actionlint read them with the action of this folder, whose
// inputs it knows then.
func TestWorkflowsOfTheDocsAreValid(t *testing.T) {
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	project, err := actionlint.NewProject(root)
	if err != nil {
		t.Fatal(err)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, block := range codeBlocks(string(page)) {
		switch {
		case strings.HasPrefix(block, "- uses: "), strings.HasPrefix(block, "- run: "): // steps
			block = "on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n      - {uses: ./, id: debug}\n      " +
				strings.ReplaceAll(strings.Replace(strings.TrimSpace(block), "id: debug", "id: another", 1), "\n", "\n      ") + "\n"
		case !strings.Contains(block, "\njobs:\n"):
			continue
		}
		checked++
		workflow := strings.ReplaceAll(block, "uses: dlvgen/dlvgen@v1", "uses: ./")
		problems, err := linter.Lint("docs/ci.md", []byte(workflow), project)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%v in\n%s", p, workflow)
		}
	}
	if checked != 3 {
		t.Errorf("%d workflows were checked", checked)
	}
	const wrong = "on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: ./\n        with:\n          variant: remote\n"
	if problems, err := linter.Lint("wrong.yml", []byte(wrong), project); err != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, `input "variant" is not defined`) {
		t.Errorf("of an input that the action does not have, it says %v, %v", problems, err)
	}
}

// TestEveryInputIsInTheDocs compares the page with the action and the template.
func TestEveryInputIsInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	github, gitlab, _ := strings.Cut(string(page), "## Use GitLab")
	for name := range readAction(t).Inputs {
		if !strings.Contains(github, "`"+name+"`") {
			t.Errorf("docs/ci.md has no input %s of the action", name)
		}
	}
	data, err := os.ReadFile("../../templates/build.yml")
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		Spec struct{ Inputs map[string]any }
	}
	if err := yaml.NewDecoder(strings.NewReader(string(data))).Decode(&header); err != nil {
		t.Fatal(err)
	}
	if len(header.Spec.Inputs) < 10 {
		t.Fatalf("the template has the inputs %v", header.Spec.Inputs)
	}
	for name := range header.Spec.Inputs {
		if !strings.Contains(gitlab, "`"+name+"`") {
			t.Errorf("docs/ci.md has no input %s of the template", name)
		}
	}
}
