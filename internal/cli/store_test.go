package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/moby/buildkit/client"
)

func TestImagesOfContainerdsStoreAreNotReplaced(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker) // for its containerd
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	bk, err := testenv.StartBuildKit(ctx, testenv.BuildKitOptions{Registry: reg, Containerd: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := bk.Close(); err != nil {
			t.Error(err)
		}
	}()
	const name = "docker.io/library/dlvgen-stored:v1-debug"
	target := func() string {
		t.Helper()
		out, err := exec.CommandContext(ctx, "ctr", "--address", bk.Containerd, "--namespace", "buildkit", "images", "list", "name=="+name).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if fields := strings.Fields(line); fields[0] == name {
				return fields[2]
			}
		}
		return ""
	}
	build := func(args ...string) ran {
		t.Helper()
		args = append([]string{"build", "--addr", bk.Addr, "--progress", "plain", "-t", "dlvgen-stored:v1", "-o", "type=image"}, args...)
		var stdout, stderr bytes.Buffer
		code := cli.Run(ctx, append(args, testenv.Service(t, "hello")), strings.NewReader(""), &stdout, &stderr)
		return ran{code, stdout.String(), stderr.String()}
	}
	for _, again := range []bool{false, true} {
		if r := build(); r.code != cli.ExitOK {
			t.Fatalf("again %v: exit code %d\n%s", again, r.code, r.stderr)
		}
	}
	ours := target()
	if ours == "" {
		t.Fatal("the image is not in the store")
	}

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile /\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bk.Solve(ctx, testenv.Solve{Context: dir, Exports: []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{"name": name}}}}); err != nil {
		t.Fatal(err)
	}
	foreign := target()
	if foreign == ours || foreign == "" {
		t.Fatalf("the name stands for %q, and stood for %q", foreign, ours)
	}
	refused(t, build(), cli.ExitFailure, "dlvgen-stored:v1-debug exists and was not made by dlvgen")
	if after := target(); after != foreign {
		t.Errorf("the name stands for %s, and stood for %s", after, foreign)
	}
	if r := build("-o", "type=image,store=false"); r.code != cli.ExitFailure {
		t.Errorf("a second output hides the first: exit code %d\n%s", r.code, r.stderr)
	}
	// What is only pushed leaves no name behind.
	if r := build("--dry-run"); r.code != cli.ExitOK {
		t.Errorf("dry run: exit code %d\n%s", r.code, r.stderr)
	}
}
