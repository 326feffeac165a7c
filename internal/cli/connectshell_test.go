package cli_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// TestConnectPrintsNoCommandsOfAnImages pastes what is printed of images whose labels try
// to run something.
func TestConnectPrintsNoCommandsOfAnImages(t *testing.T) {
	reg := newRegistry(t)
	local := testenv.Service(t, "hello")
	for name, changes := range map[string]map[string]string{
		"a path that ends the here-document": {variants.LabelPaths: `[{"path":"/x\nEOF\ntouch pwned #","kind":"module","module":"example.com/hello"}]`},
		"a host":                             {variants.LabelListen: "$(touch pwned):8000", variants.LabelKind: "attach"},
		"a host with newline":                {variants.LabelListen: "h\ntouch pwned\n:8000", variants.LabelKind: "attach"},
		"a line of Delve's":                  {variants.LabelPaths: `[{"path":"/x\ntranscript -x pwned","kind":"module","module":"example.com/hello"}]`},
		"a module":                           {variants.LabelModule: "m\nEOF\ntouch pwned #", variants.LabelPaths: `[{"path":"/src","kind":"module","module":"m\nEOF\ntouch pwned #"}]`},
		"a variable of VS Code":              {variants.LabelPaths: `[{"path":"/${command:workbench.action.terminal.new}","kind":"module","module":"example.com/hello"}]`},
	} {
		ref := pushLabelled(t, reg, "app:v1-debug", recorded(changes))
		for _, client := range []string{"dlv", "vscode", "nvim"} {
			r := connect(t, ref, "--source", "registry", "--local", local, "--for", client)
			if r.code == cli.ExitOK && client == "dlv" {
				paste(t, name, r.stdout)
			}
			if strings.ContainsAny(r.stderr, "\r\x1b\x00") || strings.Contains(r.stderr, "\ntouch") {
				t.Errorf("%s: stderr acts on the terminal, or shows a line of the image's:\n%q", name, r.stderr)
			}
			if client == "vscode" && strings.Contains(r.stdout, "${command:") {
				t.Errorf("%s: VS Code would run a command:\n%s", name, r.stdout)
			}
		}
	}
}

// paste has a shell run a text in a scratch folder, in which nothing may appear.
func paste(t *testing.T, name, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	programs, scratch := t.TempDir(), t.TempDir()
	for _, program := range []string{"dlv", "docker", "kubectl"} {
		if err := os.WriteFile(filepath.Join(programs, program), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", text)
	cmd.Dir, cmd.Env = scratch, []string{"PATH=" + programs + ":/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	left, readErr := os.ReadDir(scratch)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if err != nil || len(left) > 0 {
		t.Errorf("%s: %v, %s, and %v appeared, from\n%s", name, err, out, left, text)
	}
}
