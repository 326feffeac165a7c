//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"
	"golang.org/x/tools/txtar"
)

// pattern is a file of testdata/patterns: a way in which people compile Go in a
// Dockerfile. The archive's files are put over those of the service hello. What
// precedes them says in prose what the pattern is, and in lines "key: value" what
// differs from a derivation that succeeds.
type pattern struct {
	files []txtar.File

	// refused is the whole error, empty where the breakpoint must be hit.
	refused string

	// logged are texts that the build's log must have.
	logged []string

	// program is --program, empty for none.
	program string

	// rebuild is --rebuild, empty for none.
	rebuild string

	// source is the file of main.main, "main.go" by default.
	source string

	// target and args are those of the build.
	target string
	args   map[string]string

	// contexts are Dockerfiles of the archive by the names of the contexts that
	// their results are.
	contexts map[string]string
}

func readPattern(t *testing.T, file string) pattern {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := pattern{files: archive.Files, source: "main.go", args: map[string]string{}, contexts: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok || !isKey(key) {
			continue // prose
		}
		name, rest, _ := strings.Cut(value, "=")
		switch key {
		case "refused":
			p.refused = value
		case "logged":
			p.logged = append(p.logged, value)
		case "program":
			p.program = value
		case "rebuild":
			p.rebuild = value
		case "source":
			p.source = value
		case "target":
			p.target = value
		case "arg":
			p.args[name] = rest
		case "context":
			p.contexts[name] = rest
		default:
			t.Fatalf("%s: unknown key %q", file, key)
		}
	}
	return p
}

func isKey(word string) bool { return strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" }

// write lays the pattern's files over hello, and returns the folder.
func (p pattern) write(t *testing.T) string {
	t.Helper()
	service := testenv.PlainService(t)
	for _, f := range p.files {
		file := filepath.Join(service, f.Name)
		mode := os.FileMode(0o644)
		if strings.HasPrefix(string(f.Data), "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
	return service
}

func TestPatterns(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	files, err := filepath.Glob("../testdata/patterns/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no patterns: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			testPattern(deadline(t), t, bk, readPattern(t, file))
		})
	}
}

func testPattern(ctx context.Context, t *testing.T, bk *testenv.BuildKit, p pattern) {
	service, bundle, options := p.write(t), testenv.NewBundle(t), variant("remote-src")
	options.Rebuild, options.Program = variants.Rebuild(p.rebuild), p.program
	if p.refused == "" {
		options.Listen = fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t))
	}
	d := derivation{service: service, options: options, attrs: map[string]string{}, exports: []client.ExportEntry{bundle.Export()}}
	if p.target != "" {
		d.attrs["target"] = p.target
	}
	for name, value := range p.args {
		d.attrs["build-arg:"+name] = value
	}
	if len(p.contexts) > 0 {
		d.wrap = p.withContexts
	}
	explained, unexplained := tryExplain(ctx, bk, d)
	var made solves
	contexts := d.wrap
	d.wrap = func(build gateway.BuildFunc) gateway.BuildFunc {
		if build = made.seen(build); contexts != nil {
			build = contexts(build)
		}
		return build
	}
	solved, err := tryDerive(ctx, t, bk, d)
	for _, text := range p.logged {
		if !strings.Contains(solved.Log, text) {
			t.Errorf("the log has no %q:\n%s", text, solved.Log)
		}
	}
	if p.refused != "" {
		if err == nil || !strings.HasSuffix(err.Error(), ": "+p.refused) {
			t.Fatalf("the refusal is\n%v\nwant\n%s", err, p.refused)
		}
		checkRefused(t, explained, err)
		return
	}
	if err := errors.Join(err, unexplained); err != nil {
		t.Fatalf("%v\n%s%s", err, solved, solved.Log)
	}
	dt, err := os.ReadFile(bundle.Path(layout.Plan))
	if err != nil {
		t.Fatal(err)
	}
	plan := planIn(t, dt)
	checkExplained(t, explained, plan, &made)
	bundle.Run(t, plan.Config.Config.ImageConfig)
	hitMain(ctx, t, options.Listen, p.source)
	d.wrap = contexts
	checkEjected(ctx, t, bk, d)
}

// notEjected are parts of the reasons why a Dockerfile cannot say a derivation, standalone
// those for one without dlvgen's tools.
var (
	notEjected = []string{"is compiled again by --rebuild", "trigger of the base image (ONBUILD)", "is not a step of the Dockerfile"}
	standalone = []string{"leave out --standalone", "Leave out --standalone"}
)

// checkEjected renders both kinds of Dockerfiles of a derivation, which BuildKit's own frontend
// reads, or the reason why there is none.
func checkEjected(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation) {
	t.Helper()
	var images []*derive.Image
	err := withFrontend(ctx, t, bk, d, "", func(ctx context.Context, f *frontend.Frontend, c gateway.Client) (err error) {
		images, err = f.Ejected(ctx, c)
		return err
	})
	if err != nil || len(images) != 1 {
		t.Fatalf("%d images to eject: %v", len(images), err)
	}
	for image, reasons := range map[string][]string{"dlvgen/dlvgen:1@" + string(digest.FromString("")): notEjected, "": slices.Concat(standalone, notEjected)} {
		text, err := images[0].Dockerfile(d.attrs["target"], image)
		if err != nil {
			if !slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(err.Error(), r) }) {
				t.Errorf("ejecting with %q: %v", image, err)
			}
			continue
		}
		config := dockerui.Config{BuildArgs: map[string]string{}}
		for name, value := range d.attrs {
			if arg, ok := strings.CutPrefix(name, "build-arg:"); ok {
				config.BuildArgs[arg] = value
			}
		}
		platform := platforms.DefaultSpec()
		if _, err := dockerfile2llb.Dockerfile2LLB(ctx, text, dockerfile2llb.ConvertOpt{Config: config, MetaResolver: noImages{}, TargetPlatform: &platform}); err != nil {
			t.Errorf("the Dockerfile with %q: %v\n%s", image, err, text)
		}
	}
}

// noImages has an empty config for each image.
type noImages struct{}

func (noImages) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(`{"os": "linux", "architecture": "` + runtime.GOARCH + `"}`), nil
}

// hitMain stops in main.main of a program that is held, in a file of that name,
// with its package's functions unoptimized.
func hitMain(ctx context.Context, t *testing.T, addr, source string) {
	t.Helper()
	d, err := testenv.ConnectDelve(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	state, err := d.HitFunction(ctx, "main.main", func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	at := state.CurrentThread
	if filepath.Base(at.File) != source || at.Function.Name() != "main.main" || at.Function.Optimized {
		t.Errorf("stopped in %s (%s), optimized: %t; want main.main in %s", at.Function.Name(), at.File, at.Function.Optimized, source)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// withContexts builds the Dockerfiles of the named contexts as production does and
// hands their results on, as bake does with contexts of other targets.
func (p pattern) withContexts(build gateway.BuildFunc) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		inputs := inputsClient{Client: c, inputs: map[string]llb.State{}}
		for name, file := range p.contexts {
			res, err := c.Solve(ctx, gateway.SolveRequest{Frontend: "dockerfile.v0", FrontendOpt: map[string]string{"filename": file}})
			if err != nil {
				return nil, err
			}
			ref, err := res.SingleRef()
			if err != nil {
				return nil, err
			}
			if inputs.inputs[name], err = ref.ToState(); err != nil {
				return nil, err
			}
		}
		return build(ctx, inputs)
	}
}

// inputsClient is a client of a build with inputs that are named contexts.
type inputsClient struct {
	gateway.Client
	inputs map[string]llb.State
}

func (c inputsClient) Inputs(context.Context) (map[string]llb.State, error) { return c.inputs, nil }

func (c inputsClient) BuildOpts() gateway.BuildOpts {
	opts := c.Client.BuildOpts()
	opts.Opts = maps.Clone(opts.Opts)
	for name := range c.inputs {
		opts.Opts["context:"+name] = "input:" + name
	}
	return opts
}
