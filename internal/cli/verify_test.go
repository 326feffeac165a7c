//go:build !race

// It reads whole layers, which takes long with the detector.

package cli_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/imagecheck"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// verified are the checks of `dlvgen verify` for an image of one platform.
func verified(t *testing.T, code int, args ...string) []imagecheck.Check {
	t.Helper()
	r := call(t, append([]string{"verify", "--format", "json"}, args...)...)
	var records []struct{ Checks []imagecheck.Check }
	if err := json.Unmarshal([]byte(r.stdout), &records); err != nil || len(records) == 0 || r.code != code {
		t.Fatalf("%q: exit code %d, %v\n%s%s", args, r.code, err, r.stdout, r.stderr)
	}
	var checks []imagecheck.Check
	for _, record := range records {
		checks = append(checks, record.Checks...)
	}
	return checks
}

// not are the checks without a result, by name.
func not(checks []imagecheck.Check, result imagecheck.Result) []string {
	var names []string
	for _, c := range checks {
		if c.Result != result {
			names = append(names, c.Name+": "+string(c.Result)+": "+c.Detail)
		}
	}
	return names
}

// verifyHonest wants every check to pass.
func verifyHonest(t *testing.T, ref, production string) {
	t.Helper()
	if bad := not(verified(t, cli.ExitOK, ref, "--production", production), imagecheck.OK); len(bad) > 0 {
		t.Errorf("%s: %q", ref, bad)
	}
}

func TestHonestImagesPassEveryCheck(t *testing.T) {
	g := buildGuarded(t)
	for _, v := range variants.Known() {
		verifyHonest(t, g.reg.Ref(guardedTag+v.Suffix), g.reg.Ref(guardedTag))
	}
	// Without production the files are not compared, and its config is by the link.
	bad := not(verified(t, cli.ExitOK, g.reg.Ref(guardedTag+"-debug")), imagecheck.OK)
	if want := []string{"files: not checked: name the production image with --production"}; !slices.Equal(bad, want) {
		t.Errorf("without production: %q, want %q", bad, want)
	}
	tag := g.reg.Ref(buildInplace(t, g.reg))
	for _, suffix := range []string{"-debug-src", "-debug-attach"} {
		verifyHonest(t, tag+suffix, tag)
	}
	if r := call(t, "verify", tag); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "is no debug image of dlvgen") {
		t.Errorf("production was verified: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// buildInplace pushes an image that is based on Debian, and debug images with a launcher. It
// returns production's tag, of a repository for the test.
func buildInplace(t *testing.T, reg *testenv.Registry) string {
	t.Helper()
	dir, tag := testenv.Service(t, "hello"), "cli/"+strings.ToLower(t.Name())+":v1"
	if solved, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{Context: dir, Dockerfile: "Dockerfile.debian", Push: reg.Ref(tag)}); err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
	mustBuild(t, "-t", reg.Ref(tag), "-f", filepath.Join(dir, "Dockerfile.debian"), "--variant", "remote-src,attach", "--entry", "inplace", "--push", dir)
	return tag
}

// forged is a copy of a debug image in which something is another than it was.
type forged struct {
	*testing.T

	layers []forgedLayer
	config *v1.ConfigFile
	plan   *variants.Plan
}

type forgedLayer struct {
	files   []testenv.Entry
	changed bool
	layer   v1.Layer
}

// unpacked is an image whose layers are in the memory, which makes it another one.
func unpacked(t *testing.T, img v1.Image) (v1.Image, [][]testenv.Entry) {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]testenv.Entry
	var again []v1.Layer
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		var files []testenv.Entry
		for e, err := range testenv.Entries(r) {
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, e)
		}
		all, again = append(all, files), append(again, packed(t, files))
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return assembled(t, again, config), all
}

// packed is a layer that is not compressed.
func packed(t *testing.T, files []testenv.Entry) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := *f.Header
		h.Size, h.Format = int64(len(f.Content)), tar.FormatPAX
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = w.Write(f.Content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return static.NewLayer(b.Bytes(), types.OCIUncompressedLayer)
}

// assembled has a config with other layers.
func assembled(t *testing.T, layers []v1.Layer, config *v1.ConfigFile) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	made, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.RootFS = made.RootFS
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// top is the highest layer that has a file, and where in it.
func (f *forged) top(name string) (layer, at int) {
	f.Helper()
	for i, l := range slices.Backward(f.layers) {
		for j, e := range l.files {
			if path.Join("/", e.Name) == name {
				return i, j
			}
		}
	}
	f.Fatalf("no layer has %s", name)
	return 0, 0
}

// edit changes the entry of a file, and removes it where that says so.
func (f *forged) edit(name string, change func(*testenv.Entry) (remove bool)) {
	f.Helper()
	layer, at := f.top(name)
	l := &f.layers[layer]
	l.files, l.changed = slices.Clone(l.files), true
	e := l.files[at]
	h := *e.Header
	e.Header = &h
	if l.files[at] = e; change(&l.files[at]) {
		l.files = slices.Delete(l.files, at, at+1)
	}
}

// content changes what a file has.
func (f *forged) content(name string, content []byte) {
	f.Helper()
	f.edit(name, func(e *testenv.Entry) bool { e.Content = content; return false })
}

// add adds a file to a layer: the lowest is 0, and the highest -1.
func (f *forged) add(layer int, name, content string) {
	if layer < 0 {
		layer += len(f.layers)
	}
	l := &f.layers[layer]
	l.files, l.changed = append(slices.Clone(l.files), testenv.Entry{
		Header: &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, ModTime: time.Unix(0, 0)}, Content: []byte(content),
	}), true
}

// replan changes the plan, in the image too.
func (f *forged) replan(change func(*variants.Plan)) {
	f.Helper()
	change(f.plan)
	dt, err := f.plan.JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.content(layout.Plan, dt)
}

func (f *forged) image() v1.Image {
	f.Helper()
	var layers []v1.Layer
	for _, l := range f.layers {
		if l.changed {
			l.layer = packed(f.T, l.files)
		}
		layers = append(layers, l.layer)
	}
	return assembled(f.T, layers, f.config)
}

// forgery is where lies are made from: a production image and its debug images.
type forgery struct {
	production v1.Image
	images     map[string]v1.Image
	files      map[string][][]testenv.Entry
	pinned     imagecheck.Pinned
}

func newForgery(t *testing.T, production v1.Image, debug map[string]v1.Image) *forgery {
	t.Helper()
	f := &forgery{images: map[string]v1.Image{}, files: map[string][][]testenv.Entry{}}
	f.production, f.files[""] = unpacked(t, production)
	for name, img := range debug {
		f.images[name], f.files[name] = unpacked(t, img)
	}
	set, err := tools.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]func() (string, error){}
	f.pinned = func(tool string) (string, bool, error) { // each is unpacked once
		if sums[tool] == nil {
			sums[tool] = sync.OnceValues(func() (string, error) { sum, _, err := set.Sum(tool); return sum, err })
		}
		sum, err := sums[tool]()
		return sum, true, err
	}
	return f
}

// copy is a variant's image, to be forged.
func (f *forgery) copy(t *testing.T, variant string) *forged {
	t.Helper()
	img := f.images[variant]
	config, err := img.ConfigFile()
	layers, layersErr := img.Layers()
	if err := errors.Join(err, layersErr); err != nil {
		t.Fatal(err)
	}
	made := &forged{T: t, config: config.DeepCopy()}
	for i, l := range layers {
		made.layers = append(made.layers, forgedLayer{files: f.files[variant][i], layer: l})
	}
	layer, at := made.top(layout.Plan)
	if made.plan, err = variants.ParsePlan(made.layers[layer].files[at].Content); err != nil {
		t.Fatal(err)
	}
	return made
}

// file is what a variant's image has, production's where that is empty.
func (f *forgery) file(t *testing.T, variant, name string) []byte {
	t.Helper()
	for _, files := range slices.Backward(f.files[variant]) {
		for _, e := range files {
			if path.Join("/", e.Name) == name {
				return e.Content
			}
		}
	}
	t.Fatalf("%s has no %s", variant, name)
	return nil
}

// theProgram is guarded's, and anything a file of production's.
const (
	theProgram = "/usr/local/bin/server"
	anything   = "/etc/os-release"
)

// dynamic is a program that says to need a dynamic linker.
func dynamic(t *testing.T, program []byte) []byte {
	t.Helper()
	program = bytes.Clone(program)
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_NOTE })
	if i < 0 {
		t.Fatal("the program has no note")
	}
	header := program[binary.LittleEndian.Uint64(program[32:])+uint64(i)*uint64(binary.LittleEndian.Uint16(program[54:])):] // e_phoff, e_phentsize
	binary.LittleEndian.PutUint32(header, uint32(elf.PT_INTERP))
	copy(program[f.Progs[i].Off:], "/lib/ld\x00")
	return program
}

// TestEachLieFailsOneCheck makes lies of honest images, and wants each told by the check that
// it is for, and by no other.
func TestEachLieFailsOneCheck(t *testing.T) {
	g := buildGuarded(t)
	f := newForgery(t, g.production, g.debug)
	otherDelve, err := os.ReadFile(filepath.Join("..", "tools", "tree", "linux_amd64", "delve", "1.25.2", "dlv"))
	if err != nil {
		t.Fatal(err)
	}
	const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"
	symbols := f.copy(t, "sidecar").plan.Symbols
	for _, lie := range []lie{
		{"nothing", "remote", "", "", func(*forged) {}},
		{"sources, nothing", "remote-src", "", "", func(*forged) {}},

		{"another program", "remote", "program", "build id", func(i *forged) { i.content(theProgram, f.file(t, "sidecar", layout.SymbolsFile)) }},
		{"optimized", "remote-src", "program", "without -N -l", func(i *forged) {
			optimized := f.file(t, "sidecar", layout.SymbolsFile)
			facts, err := gobin.Read(bytes.NewReader(optimized))
			if err != nil {
				t.Fatal(err)
			}
			i.replan(func(p *variants.Plan) { p.Program.BuildID = facts.BuildID })
			i.content(theProgram, optimized)
		}},
		{"no debug information", "remote", "program", "no debug information", func(i *forged) {
			i.replan(func(p *variants.Plan) { p.Program.BuildID = symbols.BuildID })
			i.content(theProgram, f.file(t, "", theProgram))
		}},
		{"no program", "attach", "program", "no file", func(i *forged) { i.edit(theProgram, func(*testenv.Entry) bool { return true }) }},
		{"symbols of another program", "sidecar", "program", "not the symbols", func(i *forged) { i.content(layout.SymbolsFile, f.file(t, "remote", theProgram)) }},

		{"missing source", "remote-src", "sources", "/src/main.go", func(i *forged) { i.edit("/src/main.go", func(*testenv.Entry) bool { return true }) }},
		{"short source", "remote-src", "sources", "fewer lines", func(i *forged) { i.content("/src/main.go", []byte("package main\n")) }},
		{"a source in an image without", "remote", "sources", "/.dlvgen/main.go", func(i *forged) { i.add(-1, ".dlvgen/main.go", "package main\n") }},
		{"a source in a lower layer", "remote", "sources", "/usr/main.go", func(i *forged) { i.add(len(i.layers)-4, "usr/main.go", ""); i.add(-1, "usr/.wh.main.go", "") }},
		{"a source under another name", "remote", "sources", "/.dlvgen/data", func(i *forged) { i.add(-2, ".dlvgen/data", "// Package x\n\npackage x\n") }},

		{"a key", "remote", "secrets", "private key in /.dlvgen/data", func(i *forged) { i.add(-1, ".dlvgen/data", key) }},
		{"variables", "remote-src", "secrets", "/src/.env", func(i *forged) { i.add(-2, "src/.env", "") }},
		{"git", "remote-src", "secrets", "/src/.git/config", func(i *forged) { i.add(-2, "src/.git/config", "") }},
		{"netrc", "remote", "secrets", "/root/.netrc", func(i *forged) { i.add(1, "root/.netrc", "") }},
		{"docker's config", "remote", "secrets", "config.json", func(i *forged) { i.add(-1, "root/.docker/config.json", "") }},
		{"kubectl's config", "remote", "secrets", "/.kube/config", func(i *forged) { i.add(-1, "home/.kube/config", "") }},
		{"an SSH key", "sidecar", "secrets", "id_rsa", func(i *forged) { i.add(-1, "id_rsa", "") }},
		{"a key that is hidden again", "remote", "secrets", "key.pem", func(i *forged) { i.add(-3, "key.pem", ""); i.add(-1, ".wh.key.pem", "") }},

		{"another Delve", "remote", "debugger", "is not the file", func(i *forged) { i.content(layout.Delve, otherDelve) }},
		{"a dynamic Delve", "remote", "debugger", "not static", func(i *forged) { i.content(layout.Delve, dynamic(t, f.file(t, "remote", layout.Delve))) }},
		{"no Delve", "remote", "debugger", "not Delve", func(i *forged) { i.content(layout.Delve, f.file(t, "remote", layout.Init)) }},
		{"another init", "remote", "debugger", layout.Init, func(i *forged) { i.content(layout.Init, []byte("#!/bin/sh\n")) }},

		{"environment", "remote", "config", "config.Env", func(i *forged) { i.config.Config.Env = append(i.config.Config.Env, "LD_PRELOAD=/x") }},
		{"environment, in the plan too", "remote", "config", "config.Env", func(i *forged) {
			i.replan(func(p *variants.Plan) { p.Config.Config.Env = append(p.Config.Config.Env, "LD_PRELOAD=/x") })
			i.config.Config.Env = append(i.config.Config.Env, "LD_PRELOAD=/x")
		}},
		{"user", "attach", "config", "config.User", func(i *forged) { i.config.Config.User = "0" }},
		{"entrypoint", "remote", "config", "config.Entrypoint", func(i *forged) { i.config.Config.Entrypoint = []string{"/bin/sh"} }},
		{"entrypoint, in the plan too", "attach", "config", "config.Entrypoint", func(i *forged) {
			i.replan(func(p *variants.Plan) {
				p.Entrypoint, p.Config.Config.Entrypoint = []string{"/bin/sh"}, []string{"/bin/sh"}
			})
			i.config.Config.Entrypoint = []string{"/bin/sh"}
		}},
		{"arguments, in the plan too", "remote", "config", "arguments", func(i *forged) {
			i.replan(func(p *variants.Plan) {
				p.Program.Args = []string{"--insecure"}
				p.Command = append(p.Command, "--", "--insecure")
				p.Config.Config.Cmd = p.Command
			})
			i.config.Config.Cmd = i.plan.Command
		}},
		{"ports", "attach", "config", "config.ExposedPorts", func(i *forged) { i.config.Config.ExposedPorts = map[string]struct{}{"22/tcp": {}} }},
		{"volumes", "remote", "config", "config.Volumes", func(i *forged) { i.config.Config.Volumes = map[string]struct{}{"/etc": {}} }},
		{"folder", "remote", "config", "config.WorkingDir", func(i *forged) { i.config.Config.WorkingDir = "/tmp" }},
		{"signal", "remote", "config", "config.StopSignal", func(i *forged) { i.config.Config.StopSignal = "SIGKILL" }},
		{"health", "remote", "config", "config.Healthcheck", func(i *forged) { i.config.Config.Healthcheck = &v1.HealthConfig{Test: []string{"NONE"}} }},
		{"another's label", "remote", "config", "config.Labels", func(i *forged) { i.config.Config.Labels["maintainer"] = "x" }},
		{"history", "remote", "config", "history", func(i *forged) { i.config.History[0].CreatedBy = "FROM other" }},
		{"time", "remote", "config", "another time", func(i *forged) { i.config.Created = v1.Time{Time: time.Unix(7, 0)} }},

		{"variant", "remote", "labels", "variant", func(i *forged) { i.config.Config.Labels[variants.LabelVariant] = "remote-src" }},
		{"program's path", "remote", "labels", "program", func(i *forged) { i.config.Config.Labels[variants.LabelProgram] = "/bin/sh" }},
		{"production's digest", "remote", "labels", "production.digest", func(i *forged) {
			i.config.Config.Labels[variants.LabelProductionDigest] = "sha256:" + strings.Repeat("0", 64)
		}},
		{"a label that there is none of", "remote", "labels", "extra", func(i *forged) { i.config.Config.Labels[variants.LabelPrefix+"extra"] = "x" }},

		{"no init", "remote", "plan", "has no " + layout.Init, func(i *forged) { i.edit(layout.Init, func(*testenv.Entry) bool { return true }) }},
		{"a layer that is not there", "remote", "plan", "layers", func(i *forged) {
			i.replan(func(p *variants.Plan) { p.Layers = append(p.Layers, variants.Layer{Files: "/x", Description: "more"}) })
		}},
		{"settings", "remote", "plan", layout.DelveConfig, func(i *forged) { i.content(layout.DelveConfig, []byte("a: b\n")) }},
		{"telemetry", "remote", "plan", layout.TelemetryMode, func(i *forged) { i.content(layout.TelemetryMode, []byte("on")) }},
		{"a file of dlvgen's that is none", "remote", "plan", "/.dlvgen/tool", func(i *forged) { i.add(-1, ".dlvgen/tool", "") }},
		{"a file of dlvgen's in another layer", "remote", "plan", "/.dlvgen/tool", func(i *forged) { i.add(len(i.layers)-4, ".dlvgen/tool", "") }},
		{"setuid Delve", "remote", "plan", "mode 4755", func(i *forged) {
			i.edit(layout.Delve, func(e *testenv.Entry) bool { e.Mode = 0o4755; return false })
		}},

		{"mode of /tmp", "remote", "files", "/tmp is a folder with mode 0777", func(i *forged) {
			i.edit("/tmp", func(e *testenv.Entry) bool { e.Mode = 0o777; return false })
		}},
		{"a file is removed", "remote", "files", anything + " is missing", func(i *forged) { i.edit(anything, func(*testenv.Entry) bool { return true }) }},
		{"a file is hidden", "remote", "files", anything + " is missing", func(i *forged) {
			i.add(-1, path.Join(path.Dir(anything), ".wh."+path.Base(anything))[1:], "")
		}},
		{"a folder is hidden", "remote", "files", "/etc", func(i *forged) { i.add(1, "etc/.wh..wh..opq", "") }},
		{"content", "remote", "files", anything + " has another content", func(i *forged) { i.content(anything, []byte("x")) }},
		{"owner", "attach", "files", "of 7:0", func(i *forged) { i.edit(anything, func(e *testenv.Entry) bool { e.Uid = 7; return false }) }},
		{"attribute", "remote", "files", "security.capability", func(i *forged) {
			i.edit(anything, func(e *testenv.Entry) bool {
				e.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01"}
				return false
			})
		}},
		{"a link", "remote", "files", `a link to "/bin/sh"`, func(i *forged) {
			i.edit(anything, func(e *testenv.Entry) bool {
				e.Typeflag, e.Linkname, e.Content = tar.TypeSymlink, "/bin/sh", nil
				return false
			})
		}},
		{"mode of the program", "remote", "files", "mode 4755", func(i *forged) {
			i.edit(theProgram, func(e *testenv.Entry) bool { e.Mode = 0o4755; return false })
		}},
		{"one more file", "remote", "files", "/etc/more is not in production", func(i *forged) { i.add(1, "etc/more", "") }},
		{"time of a folder", "remote-src", "files", "/tmp is of", func(i *forged) {
			i.add(-1, "tmp", "")
			i.edit("/tmp", func(e *testenv.Entry) bool {
				e.Typeflag, e.Mode, e.ModTime = tar.TypeDir, 0o1777, time.Unix(5, 0)
				return false
			})
		}},
	} {
		t.Run(lie.name, func(t *testing.T) { f.failsOne(t, lie) })
	}
}

// lie is one change to a variant's image.
type lie struct {
	name, variant string
	check, says   string // what fails, and words of its detail
	tell          func(*forged)
}

// failsOne tells a lie.
func (f *forgery) failsOne(t *testing.T, lie lie) {
	t.Helper()
	made := f.copy(t, lie.variant)
	lie.tell(made)
	checks, err := imagecheck.Image(imagecheck.Input{
		Image: made.image(), Plan: made.plan, Production: f.production, Files: true, Pinned: f.pinned, Version: version.Version(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got, says []string
	for _, c := range checks {
		if c.Result == imagecheck.Failed {
			got, says = append(got, c.Name), append(says, c.Detail)
		}
	}
	if want := strings.Fields(lie.check); !slices.Equal(got, want) || !strings.Contains(strings.Join(says, "\n"), lie.says) {
		t.Errorf("failed: %q, want %q\n%s", got, lie.check, strings.Join(says, "\n"))
	}
}

// TestLiesAboutALauncherFailOneCheck has the program beside a launcher, in an image that is
// based on Debian.
func TestLiesAboutALauncherFailOneCheck(t *testing.T) {
	reg := needBuildKit(t)
	tag := buildInplace(t, reg)
	images := map[string]v1.Image{}
	for name, ref := range map[string]string{"": tag, "remote-src": tag + "-debug-src"} {
		var err error
		if images[name], err = reg.Image(proctest.Context(t), ref); err != nil {
			t.Fatal(err)
		}
	}
	f := newForgery(t, images[""], map[string]v1.Image{"remote-src": images["remote-src"]})
	moved := f.copy(t, "remote-src").plan.Moved()
	for _, lie := range []lie{
		{"nothing", "remote-src", "", "", func(*forged) {}},
		{"another launcher", "remote-src", "plan", "another program than the launcher", func(i *forged) { i.content(theProgram, []byte("#!/bin/sh\n")) }},
		{"a launcher of another's", "remote-src", "files", theProgram + " is a file", func(i *forged) {
			i.edit(theProgram, func(e *testenv.Entry) bool { e.Uid = 1000; return false })
		}},
		{"a program of another's", "remote-src", "plan", moved, func(i *forged) { i.edit(moved, func(e *testenv.Entry) bool { e.Gid = 1000; return false }) }},
		{"no program", "remote-src", "program", "no file", func(i *forged) { i.edit(moved, func(*testenv.Entry) bool { return true }) }},
	} {
		t.Run(lie.name, func(t *testing.T) { f.failsOne(t, lie) })
	}

	// The production tag moves on, so that the link is one with another image.
	pushForeign(t, reg, tag)
	bad := not(verified(t, cli.ExitFailure, reg.Ref(tag+"-debug-src")), imagecheck.OK)
	if len(bad) != 2 || !strings.HasPrefix(bad[0], "files: not checked") || !strings.HasPrefix(bad[1], "production: failed: v1 has moved") {
		t.Errorf("an image whose production has moved: %q", bad)
	}
}

// verifyIndex verifies a debug image of several platforms, of the variant attach, against a
// production image of the same platforms: what it has without the layers of dlvgen.
func verifyIndex(t *testing.T, reg *testenv.Registry, ref string) {
	t.Helper()
	read := func(ref string) name.Reference {
		parsed, err := name.ParseReference(ref, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	index, err := remote.Index(read(ref), remote.WithContext(proctest.Context(t)))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var whole []mutate.IndexAddendum
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, mutate.IndexAddendum{Add: withoutLayersOfOurs(t, img), Descriptor: v1.Descriptor{Platform: d.Platform}})
	}
	slices.Reverse(whole)
	production := reg.Ref("cli/verified-platforms:v1")
	push := func(images ...mutate.IndexAddendum) {
		t.Helper()
		if err := remote.WriteIndex(read(production), mutate.AppendManifests(empty.Index, images...), remote.WithContext(proctest.Context(t))); err != nil {
			t.Fatal(err)
		}
	}
	push(whole...)
	want := slices.Repeat([]string{"production: not checked: nothing links it with a production image"}, len(whole))
	if bad := not(verified(t, cli.ExitOK, ref, "--production", production), imagecheck.OK); !slices.Equal(bad, want) {
		t.Errorf("%s: %q, want %q", ref, bad, want)
	}
	push(whole[0])
	bad := strings.Join(not(verified(t, cli.ExitFailure, ref, "--production", production), imagecheck.OK), "\n")
	if missing := whole[1].Platform.String(); !strings.Contains(bad, "production: failed: "+production+" has no image for "+missing) {
		t.Errorf("%s: %q, want that %s is missing", ref, bad, missing)
	}
}

// withoutLayersOfOurs is what a debug image of the variant attach is made from.
func withoutLayersOfOurs(t *testing.T, img v1.Image) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	layers, layersErr := img.Layers()
	if err := errors.Join(err, layersErr); err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	ours := 0
	config.History = slices.DeleteFunc(config.History, func(h v1.History) bool {
		if h.Comment == variants.HistoryComment {
			ours++
		}
		return h.Comment == variants.HistoryComment
	})
	for label := range config.Config.Labels {
		if variants.OurLabel(label) {
			delete(config.Config.Labels, label)
		}
	}
	return assembled(t, layers[:len(layers)-ours], config)
}
