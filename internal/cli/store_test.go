package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/moby/buildkit/client"
)

func TestImagesOfContainerdsStoreAreNotReplaced(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker) // for its containerd
	ctx := proctest.Context(t)
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
	// A build that gets past the guard is refused quickly: there is no Go in it.
	dir := t.TempDir()
	build := func(args ...string) ran {
		t.Helper()
		args = append([]string{"build", "--addr", bk.Addr, "--progress", "plain", "-t", "dlvgen-stored:v1"}, args...)
		var stdout, stderr bytes.Buffer
		code := cli.Run(ctx, append(args, dir), strings.NewReader(""), &stdout, &stderr)
		return ran{code, stdout.String(), stderr.String()}
	}
	dockerfile := func(label string) {
		t.Helper()
		text := "FROM scratch\nLABEL " + label + "=1\nCOPY Dockerfile /\n"
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := func(label string) string {
		t.Helper()
		dockerfile(label)
		export := client.ExportEntry{Type: client.ExporterImage, Attrs: map[string]string{"name": name}}
		if _, err := bk.Solve(ctx, testenv.Solve{Context: dir, Exports: []client.ExportEntry{export}}); err != nil {
			t.Fatal(err)
		}
		return target()
	}
	passes := func(args ...string) {
		t.Helper()
		if r := build(args...); !strings.Contains(r.stderr, "load build definition") {
			t.Errorf("%q: nothing was built:\n%s", args, r.stderr)
		}
	}
	dockerfile("maintainer")
	passes("-o", "type=image") // nothing has the name
	foreign := store("maintainer")
	if foreign == "" {
		t.Fatal("the image is not in the store")
	}
	refused(t, build("-o", "type=image"), cli.ExitFailure, "dlvgen-stored:v1-debug exists and was not made by dlvgen")
	refused(t, build("-o", "type=image,store="), cli.ExitFailure, "dlvgen-stored:v1-debug exists and was not made by dlvgen")
	if after := target(); after != foreign {
		t.Errorf("the name stands for %s, and stood for %s", after, foreign)
	}
	passes("-o", "type=image,store=false") // no name is written
	if ours := store("io.github.dlvgen.version"); ours == foreign {
		t.Fatal("the name stands for the same image")
	}
	passes("-o", "type=image")
}
