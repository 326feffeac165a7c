package page

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
)

// Names in images and Dockerfiles are shown, and neither act on the terminal nor make
// lines of their own.
func TestNamesStayInTheirPlaceOnThePage(t *testing.T) {
	const name = "/x\x1b]0;title\a\u202e\u009b\nforged: line\t\xff"
	for _, refusal := range []string{"", "there is no " + name} {
		var b bytes.Buffer
		Write(&b, derive.Explanation{
			Platform: "linux/amd64", Variant: "remote", Entrypoint: []string{name}, Cmd: []string{name},
			Program: name, Origin: name, Detour: name, Go: name, Delve: name, Warnings: []string{name}, Emulated: name, Refusal: refusal,
			Steps: []llbgen.Surveyed{
				{Name: "RUN " + name, Line: 1, Treatment: llbgen.TreatmentInstrumented, Reason: name},
				{Name: "RUN " + name, Line: 2, Treatment: llbgen.TreatmentCached, Reason: name},
			},
			Layers:  []derive.Layer{{Layer: variants.Layer{Files: name, Description: name}}},
			Calls:   []derive.Call{{Step: name, Dir: name, Go: name, Before: []string{name}, After: []string{name}, GoflagsBefore: name, Programs: []string{name}}},
			Rebuilt: &variants.Rebuilt{From: variants.RebuildModule, Version: name, Image: name, Command: []string{name}},
		})
		page := b.String()
		if visible.Lines(page) != page || strings.Contains(page, "\nforged") || !strings.Contains(page, `program  /x\x1b]0;title\a\u202e\u009b\nforged: line\t\xff`) {
			t.Errorf("the page is\n%q", page)
		}
		if strings.Contains(page, "\t") {
			t.Errorf("the page has a tab: %q", page)
		}
	}
}

func TestTheCommandIsShownAsItIsWritten(t *testing.T) {
	const want = `ENTRYPOINT ["sh","-c"] CMD ["a && b <c"]`
	if got := commandLine(derive.Explanation{Entrypoint: []string{"sh", "-c"}, Cmd: []string{"a && b <c"}}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
