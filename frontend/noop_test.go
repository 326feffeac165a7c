//go:build !race

// Counts have nothing for the detector, and the program in the image is built without it.

package frontend_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// calls are what a frontend asks of the builder: each is a round trip.
type calls struct{ solves, configs, files, bytes atomic.Int64 }

// of counts the calls of a frontend.
func (n *calls) of(build client.BuildFunc) client.BuildFunc {
	return func(ctx context.Context, c client.Client) (*client.Result, error) {
		res, err := build(ctx, countedClient{c, n})
		if err != nil {
			return nil, err
		}
		plain := func(ref client.Reference) client.Reference {
			if counted, ok := ref.(countedRef); ok {
				return counted.Reference
			}
			return ref
		}
		if res.Ref = plain(res.Ref); res.Refs != nil {
			for name, ref := range res.Refs {
				res.Refs[name] = plain(ref)
			}
		}
		return res, nil
	}
}

type countedClient struct {
	client.Client
	n *calls
}

func (c countedClient) Solve(ctx context.Context, req client.SolveRequest) (*client.Result, error) {
	c.n.solves.Add(1)
	res, err := c.Client.Solve(ctx, req)
	if err != nil {
		return nil, err
	}
	if res.Ref != nil {
		res.Ref = countedRef{res.Ref, c.n}
	}
	for name, ref := range res.Refs {
		res.Refs[name] = countedRef{ref, c.n}
	}
	return res, nil
}

func (c countedClient) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	c.n.configs.Add(1)
	return c.Client.ResolveImageConfig(ctx, ref, opt)
}

type countedRef struct {
	client.Reference
	n *calls
}

func (r countedRef) ReadFile(ctx context.Context, req client.ReadRequest) ([]byte, error) {
	dt, err := r.Reference.ReadFile(ctx, req)
	r.n.files.Add(1)
	r.n.bytes.Add(int64(len(dt)))
	return dt, err
}

func (r countedRef) StatFile(ctx context.Context, req client.StatRequest) (*fstypes.Stat, error) {
	r.n.files.Add(1)
	return r.Reference.StatFile(ctx, req)
}

func (r countedRef) ReadDir(ctx context.Context, req client.ReadDirRequest) ([]*fstypes.Stat, error) {
	r.n.files.Add(1)
	return r.Reference.ReadDir(ctx, req)
}

// TestARebuildOfNothingAsksLittle counts what decides how long a rebuild takes that changes
// nothing: production's is docker/dockerfile's, call by call.
func TestARebuildOfNothingAsksLittle(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, service := testenv.SharedBuildKit(t), testenv.Service(t, "hello")
	carried, err := tools.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	ours := frontend.New(frontend.Config{Tools: frontend.LocalTools(carried.Names), Version: "test"}).Build
	rebuild := func(name string, build client.BuildFunc) *calls {
		t.Helper()
		var n *calls
		for range 2 { // the first time it may be new
			n = &calls{}
			attrs := map[string]string{}
			if name != "" {
				attrs = frontend.Attrs(variant(name))
			}
			solved, err := bk.Solve(ctx, testenv.Solve{Context: service, Build: n.of(build), Attrs: attrs, Locals: carried.Mounts})
			if err != nil {
				t.Fatalf("%v\n%s%s", err, solved, solved.Log)
			}
		}
		t.Logf("%q: %d solves, %d configs of images, %d files with %d bytes", name, n.solves.Load(), n.configs.Load(), n.files.Load(), n.bytes.Load())
		return n
	}
	stock, production, remote := rebuild("", builder.Build), rebuild("", ours), rebuild("remote", ours)
	for _, count := range []struct {
		what                            string
		stock, production, remote, most int64
	}{
		{"solves", stock.solves.Load(), production.solves.Load(), remote.solves.Load(), 10},
		{"configs of images", stock.configs.Load(), production.configs.Load(), remote.configs.Load(), 2},
		{"files", stock.files.Load(), production.files.Load(), remote.files.Load(), 60},
		{"bytes of files", stock.bytes.Load(), production.bytes.Load(), remote.bytes.Load(), 256 << 10},
	} {
		if count.production != count.stock || count.remote > count.most {
			t.Errorf("%s: %d for docker/dockerfile, %d for production, want as many, and %d for remote, want at most %d",
				count.what, count.stock, count.production, count.remote, count.most)
		}
	}
}

// TestTheFrontendsMemoryIsSmall looks at the frontend's process while BuildKit runs it, until
// it has been seen.
func TestTheFrontendsMemoryIsSmall(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, service, image := testenv.SharedBuildKit(t), testenv.Service(t, "hello"), testenv.FrontendImage(t)
	const mebibyte, limit = 1 << 20, 64 << 20
	for _, name := range []string{"", "remote"} {
		attrs := map[string]string{"build-arg:BUILDKIT_SYNTAX": image, "build-arg:OF_TEST": t.Name()}
		if name != "" {
			attrs["build-arg:DLVGEN_VARIANT"] = name
		}
		var most int64
		for most == 0 {
			done := make(chan error, 1)
			go func() {
				_, err := bk.Solve(ctx, testenv.Solve{Context: service, Attrs: attrs})
				done <- err
			}()
			for running := true; running; {
				select {
				case err := <-done:
					if err != nil {
						t.Fatal(err)
					}
					running = false
				case <-time.After(2 * time.Millisecond): // a sample
					most = max(most, peakOf("/dlvgen-frontend", "build-arg:OF_TEST="+t.Name()))
				}
			}
		}
		t.Logf("variant %q: %.1f MiB", name, float64(most)/mebibyte)
		if most > limit {
			t.Errorf("variant %q: the frontend takes %.1f MiB, want at most %d", name, float64(most)/mebibyte, limit/mebibyte)
		}
	}
}

// peakOf is the most memory that a running process of a program has had whose environment has
// a text, 0 where there is none.
func peakOf(program, environ string) (peak int64) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || filepath.Base(target) != filepath.Base(program) {
			continue
		}
		process := filepath.Dir(link)
		if env, err := os.ReadFile(filepath.Join(process, "environ")); err != nil || !strings.Contains(string(env), environ) {
			continue
		}
		status, _ := os.ReadFile(filepath.Join(process, "status"))
		for line := range strings.Lines(string(status)) {
			if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kib, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
				peak = max(peak, kib<<10)
			}
		}
	}
	return peak
}
