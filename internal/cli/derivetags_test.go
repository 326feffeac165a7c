//go:build !race

// What is derived from is another program, which is compiled without the detector.

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// debuggable is a program that needs no compile to be debugged: deriving from it is only putting
// images together.
func debuggable(t *testing.T) string {
	t.Helper()
	dir, program := testenv.Service(t, "prebuilt"), filepath.Join(t.TempDir(), "server")
	runIn(t, dir, "go", "build", "-buildvcs=false", "-gcflags=all=-N -l", "-o", program, ".")
	return program
}

// publishAs pushes an image again, with another label, and returns its digest.
func publishAs(t *testing.T, reg *testenv.Registry, img v1.Image, name, label string) string {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config.Labels = map[string]string{"release": label}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	ref, err := reg.Push(proctest.Context(t), name, img)
	if err != nil {
		t.Fatal(err)
	}
	return ref[strings.LastIndexByte(ref, '@')+1:]
}

func TestMeasure(t *testing.T) {
	reg := needBuildKit(t)
	publish(t, reg, "cli/many:base", debuggable(t))
	base, err := reg.Image(proctest.Context(t), "cli/many:base")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		publishAs(t, reg, base, fmt.Sprintf("cli/many:v1.%d.0", i), fmt.Sprint(i))
	}
	start := time.Now()
	r := derive(t, "--all-tags", "v1.*", reg.Ref("cli/many"), "--push", "--progress", "auto")
	fmt.Fprintln(os.Stderr, r.stdout, r.stderr, r.code, time.Since(start))
	start = time.Now()
	r = derive(t, "--all-tags", "v1.*", reg.Ref("cli/many"), "--push", "--progress", "auto")
	fmt.Fprintln(os.Stderr, r.stdout, r.stderr, r.code, time.Since(start))
	if r.code != cli.ExitOK {
		t.Fatal("failed")
	}
}
