//go:build linux && !race

// What is derived from is another program, which is compiled without the detector.

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// debuggable is a program that needs no compile to be debugged: deriving from it is only putting
// images together. It imports nothing, as the packages of a program are compiled for this.
func debuggable(t *testing.T, arch string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/waits\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { select {} }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runIn(t, dir, "env", "GOARCH="+arch, "go", "build", "-buildvcs=false", "-gcflags=all=-N -l", "-o", "server", ".")
	return filepath.Join(dir, "server")
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

// counted is a registry that notes what it is asked, in front of the shared one.
type counted struct {
	host string

	mu       sync.Mutex
	requests []string
	answer   func(http.ResponseWriter, *http.Request) bool // true: answered
}

func newCounted(t *testing.T, reg *testenv.Registry) *counted {
	t.Helper()
	c := &counted{}
	inner := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: reg.Host})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		if strings.HasPrefix(r.UserAgent(), "dlvgen/") { // and not BuildKit
			c.requests = append(c.requests, r.Method+" "+r.URL.Path)
		}
		answer := c.answer
		c.mu.Unlock()
		if answer == nil || !answer(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	c.host = s.Listener.Addr().String()
	return c
}

// answers makes the registry answer itself from now on, and forgets what it was asked.
func (c *counted) answers(f func(http.ResponseWriter, *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer, c.requests = f, nil
}

// take returns what was asked since the last time.
func (c *counted) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.requests = nil }()
	return c.requests
}

// many publishes images of one program, by the number of each, under tags of a repository.
func many(t *testing.T, reg *testenv.Registry, repository string) func(tag string, number int) {
	t.Helper()
	publish(t, reg, repository+":base", debuggable(t, "amd64"))
	base, err := reg.Image(proctest.Context(t), repository+":base")
	if err != nil {
		t.Fatal(err)
	}
	return func(tag string, number int) {
		t.Helper()
		publishAs(t, reg, base, repository+":"+tag, fmt.Sprint(number))
	}
}

// TestTwoHundredPublishedTags derives from 160 tags of 8 images, and then from 40 that are new, and
// counts the requests for the others.
func TestTwoHundredPublishedTags(t *testing.T) {
	t.Parallel()
	reg := needBuildKit(t)
	publish, c := many(t, reg, "cli/many"), newCounted(t, reg)
	var old, all []string
	for i := range 160 {
		old = append(old, fmt.Sprintf("v1.%d.%d", i%8, i/8))
		publish(old[i], i%8)
	}
	args := []string{"--all-tags", "v1.*", c.host + "/cli/many", "--push", "--progress", "auto"}
	r := derive(t, args...)
	if r.code != cli.ExitOK || strings.Count(r.stdout, "\n") != len(old) || !strings.Contains(r.stderr, "160 tags: 160 new. Deriving from 8 images, 3 at a time") {
		t.Fatalf("exit code %d, %d lines\n%s%s", r.code, strings.Count(r.stdout, "\n"), r.stdout, r.stderr)
	}
	all = slices.Clone(old)
	for i := range 40 {
		tag := fmt.Sprintf("v1.10.%d", i)
		all = append(all, tag)
		publish(tag, 10+i)
	}
	c.take()
	r = derive(t, args...)
	if r.code != cli.ExitOK || strings.Count(r.stdout, c.host+"/cli/many:v1.10.") != 40 || !strings.HasSuffix(r.stderr, "dlvgen: 200 tags: 40 derived, 160 skipped\n") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	asked := map[string]int{}
	for _, request := range c.take() {
		asked[request]++
	}
	for _, tag := range old { // what is derived from is asked for again: it may have moved
		if n := asked["HEAD /v2/cli/many/manifests/"+tag]; n != 1 {
			t.Errorf("%s: %d HEAD requests", tag, n)
		}
	}
	for request, n := range asked {
		name := request[strings.LastIndexByte(request, '/')+1:]
		if tag, _, _ := strings.Cut(name, "-"); slices.Contains(old, tag) && request != "HEAD /v2/cli/many/manifests/"+tag {
			t.Errorf("%s, %d times, for what is done", request, n)
		}
	}

	// The builder is not needed where nothing is to do.
	var stdout, stderr bytes.Buffer
	code := cli.Run(proctest.Context(t), append([]string{"derive", "--addr", "unix:///none.sock", "--format", "json"}, args...), nil, &stdout, &stderr)
	var report []struct{ Ref, Status string }
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil || code != cli.ExitOK || len(report) != len(all) || report[0].Ref != c.host+"/cli/many:v1.10.39" || report[0].Status != "skipped" {
		t.Errorf("exit code %d, %v in %s\n%s", code, err, stdout.String(), stderr.String())
	}
	if n := len(c.take()); n > len(all)+4 {
		t.Errorf("%d requests for %d tags with nothing to do", n, len(all))
	}
}

// TestManyTagsSomeOfWhichFail has one image that cannot be read, one that is not Go's, and an
// interrupt in the middle.
func TestManyTagsSomeOfWhichFail(t *testing.T) {
	reg := needBuildKit(t)
	publish, c := many(t, reg, "cli/some"), newCounted(t, reg)
	for i := range 5 {
		publish(fmt.Sprintf("v1.%d", i), i)
	}
	pushForeign(t, reg, "cli/some:v1.9")
	broken := digestOf(t, reg, "cli/some:v1.3")
	args := []string{"--all-tags", "v1.*", c.host + "/cli/some", "--push", "--progress", "plain", "--jobs", "1"}

	// v1.4 is derived when v1.2 begins, whose debug tag is never moved.
	ctx, cancel := context.WithCancel(proctest.Context(t))
	defer cancel()
	c.answers(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/"+broken) && !strings.Contains(r.URL.Path, "referrers"):
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/v1.2-debug"):
			cancel()
			w.WriteHeader(http.StatusForbidden)
		default:
			return false
		}
		return true
	})
	var stdout, stderr bytes.Buffer
	code := cli.Run(ctx, append([]string{"derive", "--addr", testenv.SharedBuildKit(t).Addr, "--format", "json"}, args...), nil, &stdout, &stderr)
	check := func(code, want int, stdout, stderr, tags string) {
		t.Helper()
		var report []struct{ Ref, Status, Reason string }
		err := json.Unmarshal([]byte(stdout), &report)
		var got []string
		for _, r := range report {
			got = append(got, strings.TrimPrefix(r.Ref, c.host+"/cli/some:")+" "+r.Status)
			if (r.Status == "failed" || r.Status == "refused") != (r.Reason != "") || strings.Contains(r.Reason, "\n") {
				t.Errorf("%s is %s: %q", r.Ref, r.Status, r.Reason)
			}
		}
		if text := strings.Join(got, ", "); err != nil || code != want || text != tags {
			t.Fatalf("exit code %d, %v, %s\nwant %d and %s\n%s", code, err, text, want, tags, stderr)
		}
	}
	check(code, cli.ExitInterrupted, stdout.String(), stderr.String(), "v1.9 refused, v1.4 derived, v1.3 failed, v1.2 left, v1.1 left, v1.0 left")
	if !strings.Contains(stderr.String(), "\nv1.4 | #") || !strings.Contains(stderr.String(), "dlvgen: 6 tags: 1 derived, 1 refused, 1 failed, 3 left") {
		t.Errorf("stderr is\n%s", stderr.String())
	}

	c.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if is := strings.HasSuffix(r.URL.Path, "/"+broken); !is {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	r := derive(t, append(args, "--format", "json")...)
	check(r.code, cli.ExitFailure, r.stdout, r.stderr, "v1.9 refused, v1.4 skipped, v1.3 failed, v1.2 derived, v1.1 derived, v1.0 derived")
	if !strings.Contains(r.stderr, "dlvgen: v1.3: failed: ") || !strings.Contains(r.stderr, "dlvgen: 1 of 6 tags failed: ") {
		t.Errorf("stderr is\n%s", r.stderr)
	}
	c.answers(nil)
	r = derive(t, append(args, "--dry-run")...)
	if r.code != cli.ExitOK || !regexp.MustCompile(`(?m)^v1\.3 +sha256:\w{12} +new +v1\.3-debug$`).MatchString(r.stdout) || !regexp.MustCompile(`(?m)^v1\.4 +sha256:\w{12} +skipped +v1\.4-debug$`).MatchString(r.stdout) {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r = derive(t, append(args, "--format", "json")...)
	check(r.code, cli.ExitOK, r.stdout, r.stderr, "v1.9 refused, v1.4 skipped, v1.3 derived, v1.2 skipped, v1.1 skipped, v1.0 skipped")
	if r := derive(t, "--all-tags", "v1.9", c.host+"/cli/some", "--push"); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "there can be no debug image of 1 tag") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
}

// TestManyTagsOnSeveralNodes derives from images of two platforms, each of which has a node.
func TestManyTagsOnSeveralNodes(t *testing.T) {
	reg := needBuildKit(t)
	pairOfNodes(t, testenv.SharedBuildKit(t).Addr, testenv.AnotherBuildKit(t).Addr)
	ctx := proctest.Context(t)
	var index v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		publish(t, reg, "cli/pair:"+arch, debuggable(t, arch))
		img, err := reg.Image(ctx, "cli/pair:"+arch)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		config.Architecture = arch
		if img, err = mutate.ConfigFile(img, config); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	for i := range 3 {
		ref, err := name.NewTag(reg.Ref(fmt.Sprintf("cli/pair:v1.%d", i)), name.Insecure)
		if err == nil {
			annotated, ok := mutate.Annotations(index, map[string]string{"release": fmt.Sprint(i)}).(v1.ImageIndex)
			if !ok {
				t.Fatal("the index is none any more")
			}
			err = remote.WriteIndex(ref, annotated, remote.WithContext(ctx))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"dlvgen: 3 tags: 3 derived\n", "dlvgen: 3 tags: 3 skipped\n"} {
		var stderr bytes.Buffer
		code, stdout := runs(t, &stderr, "derive", "--all-tags", "v1.*", reg.Ref("cli/pair"), "--push")
		if code != cli.ExitOK || !strings.HasSuffix(stderr.String(), want) {
			t.Fatalf("exit code %d\n%s%s", code, stdout, stderr.String())
		}
		for line := range strings.Lines(stdout) {
			ref, digest, _ := strings.Cut(strings.TrimSpace(line), "@")
			if n := len(indexOf(t, ref, digest).Manifests); n != 2 {
				t.Errorf("%s has %d images", ref, n)
			}
		}
		if strings.Count(stderr.String(), "building on") > 1 {
			t.Errorf("the builder is told more than once:\n%s", stderr.String())
		}
	}
}
