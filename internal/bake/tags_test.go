package bake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/name"
	server "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manyTags is a repository with many tags, on a registry that notes what it is asked. Instead of
// deriving, debug images are pushed that have nothing but their labels.
type manyTags struct {
	t    *testing.T
	repo string

	mu       sync.Mutex
	requests []string
	answer   func(http.ResponseWriter, *http.Request) bool // true: answered
	derived  []string                                      // the tags, in the order of their ends
	begin    func(ctx context.Context, tags []string) error
	at       map[bool]int // how many are derived from, and the most
	told     []string
}

func newManyTags(t *testing.T, options ...server.Option) *manyTags {
	t.Helper()
	m := &manyTags{t: t, at: map[bool]int{}}
	inner := server.New(append(options, server.Logger(log.New(io.Discard, "", 0)))...)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.requests = append(m.requests, r.Method+" "+r.URL.Path)
		answer := m.answer
		m.mu.Unlock()
		if answer == nil || !answer(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	m.repo = s.Listener.Addr().String() + "/team/app"
	return m
}

// push pushes an image with a label to tags, and returns its digest.
func (m *manyTags) push(label string, tags ...string) string {
	m.t.Helper()
	img := labelled(m.t, map[string]string{"release": label})
	for _, tag := range tags {
		m.put(img, tag)
	}
	digest, err := img.Digest()
	if err != nil {
		m.t.Fatal(err)
	}
	return digest.String()
}

func (m *manyTags) put(img remote.Taggable, tag string) {
	m.t.Helper()
	ref, err := name.NewTag(m.repo+":"+tag, name.Insecure)
	if err == nil {
		err = remote.Push(ref, img)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

func labelled(t *testing.T, labels map[string]string) v1.Image {
	t.Helper()
	img, err := mutate.Config(empty.Image, v1.Config{Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// ask is what is asked for of v1.* unless changed.
func (m *manyTags) ask(change func(*ManyTags, *Options)) *Tags {
	m.t.Helper()
	many := ManyTags{Repository: m.repo, Included: []string{"v1.*"}, Jobs: 2}
	o := Options{Variants: []variants.Request{variants.NewRequest(variants.Known()[0])}, Push: true, Progress: "auto"}
	if change != nil {
		change(&many, &o)
	}
	tags, err := NewTags(many, o, environment(nil))
	if err != nil {
		m.t.Fatal(err)
	}
	tags.derive = m.derive
	tags.open = func(context.Context, func(string)) (io.Closer, error) { return io.NopCloser(nil), nil }
	return tags
}

// derive stands for [Request.Build]: it pushes by digest, and moves the tags as that does.
func (m *manyTags) derive(ctx context.Context, r *Request, _ Streams) ([]*Result, error) {
	var names []string
	for _, ref := range r.production {
		names = append(names, ref.Tag())
	}
	m.mu.Lock()
	m.at[false]++
	m.at[true] = max(m.at[true], m.at[false])
	begin := m.begin
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.at[false]--
		m.mu.Unlock()
	}()
	if begin != nil {
		if err := begin(ctx, names); err != nil {
			return nil, err
		}
	}
	p := sourceOf(m.t, r)
	var results []*Result
	for _, img := range r.images {
		labels, err := variants.Labels{Format: "1", Version: "v1.0.0", Variant: img.Variant.Name, Preset: img.Preset, Kind: img.Variant.Kind, Sources: img.Variant.Sources, Delve: "1.27.2", Go: "go1.26.8"}.Encode()
		if err != nil {
			return nil, err
		}
		labels["of"] = p.digest + img.options
		debug := labelled(m.t, labels)
		digest, err := debug.Digest()
		if err == nil {
			var ref name.Digest
			ref, err = name.NewDigest(img.Refs[0].Repository()+"@"+digest.String(), name.Insecure)
			if err == nil {
				err = remote.Write(ref, debug, remote.WithContext(ctx))
			}
		}
		if err != nil {
			return nil, err
		}
		results = append(results, &Result{Image: img, Response: map[string]string{"containerimage.digest": digest.String()}})
	}
	b := &builder{Request: r, registry: registry.New(registry.WithProduction(r.production...))}
	if _, err := b.registry.Move(ctx, b.pending(results)); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.derived = append(m.derived, strings.Join(names, " "))
	return results, nil
}

// Found, Begin and End implement [TagsView].
func (m *manyTags) Found([]*TagGroup, int)  {}
func (m *manyTags) Begin(*TagGroup) Streams { return Streams{} }
func (m *manyTags) End(*TagGroup)           {}

// run derives, and returns what became of each group, "v1.1 v1=derived", those that were derived
// now, and the requests.
func (m *manyTags) run(ctx context.Context, t *Tags) (groups, derived, requests []string, err error) {
	m.mu.Lock()
	m.requests, m.derived, m.told = nil, nil, nil
	m.mu.Unlock()
	found, err := t.Derive(ctx, Streams{Tell: func(line string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.told = append(m.told, line)
	}}, m)
	for _, g := range found {
		groups = append(groups, strings.Join(g.Tags, " ")+"="+string(g.Status))
		for _, img := range g.Images {
			if done := g.Status == TagDerived || g.Status == TagSkipped; done != (img.Digest != "") {
				m.t.Errorf("%s is %s, and its debug tag %s has the digest %q", g.Tags, g.Status, img.Ref.Familiar(), img.Digest)
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.Sort(m.derived)
	return groups, m.derived, m.requests, err
}

// check runs with the same options as ask, and compares.
func (m *manyTags) check(what string, change func(*ManyTags, *Options), wantGroups, wantDerived string) (requests []string) {
	m.t.Helper()
	groups, derived, requests, err := m.run(proctest.Context(m.t), m.ask(change))
	if err != nil {
		m.t.Fatalf("%s: %v", what, err)
	}
	if got := strings.Join(groups, ", "); got != wantGroups {
		m.t.Errorf("%s:\ngot  %s\nwant %s", what, got, wantGroups)
	}
	if got := strings.Join(derived, ", "); got != wantDerived {
		m.t.Errorf("%s: derived %q, want %q", what, got, wantDerived)
	}
	return requests
}

// having counts the requests whose method and path have a part.
func having(requests []string, part string) (n int) {
	for _, r := range requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	return n
}

func TestOnlyProductionTagsAreDerivedFrom(t *testing.T) {
	m := newManyTags(t)
	m.push("a", "v1.1.0", "v1.1", "latest")
	m.push("b", "v1.2.0", "v1.2.0-debug-src") // whatever it is, it has the name of a debug tag
	m.push("c", "v2.0.0", "sha256-"+strings.Repeat("a", 64), "sha256-"+strings.Repeat("a", 64)+".sig")
	m.put(labelled(t, map[string]string{variants.LabelVersion: "v1.0.0"}), "v1.0-dbg")
	m.put(mutate.ConfigMediaType(mutate.MediaType(labelled(t, nil), types.OCIManifestSchema1), "application/vnd.cncf.helm.config.v1+json"), "v1.0.0-chart")
	m.put(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), "v1.0.0-cache")
	all := func(many *ManyTags, _ *Options) { many.Included = []string{"*"} }
	m.check("at first", all, "v2.0.0=derived, v1.2.0=derived, v1.1.0 v1.1 latest=derived, v1.0.0-chart=ignored, v1.0.0-cache=ignored, v1.0-dbg=ignored",
		"v1.1.0 v1.1 latest, v1.2.0, v2.0.0")
	m.check("with a suffix", func(many *ManyTags, o *Options) {
		many.Included, many.Excluded = []string{"v1.*"}, []string{"v1.0.0*"}
		o.Variants[0].Variant.Suffix = "-dbg"
	}, "v1.2.0=derived, v1.1.0 v1.1=derived, v1.0-dbg=ignored", "v1.1.0 v1.1, v1.2.0")
	m.check("with that suffix again", func(many *ManyTags, o *Options) {
		many.Included = []string{"v1.1*"}
		o.Variants[0].Variant.Suffix = "-dbg"
	}, "v1.1.0 v1.1=skipped", "")

	for included, want := range map[string]string{
		"v3.*":          `is "v3.*": debug tags do not count`,
		"v1.2.0-debug*": "debug tags do not count",
	} {
		if _, _, _, err := m.run(proctest.Context(t), m.ask(func(many *ManyTags, _ *Options) { many.Included = []string{included} })); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", included, err, want)
		}
	}
	if _, _, _, err := m.run(proctest.Context(t), m.ask(func(many *ManyTags, _ *Options) { many.Repository += "/no" })); err == nil || !strings.Contains(err.Error(), "has no tags: check the name") {
		t.Errorf("a repository that there is not: %v", err)
	}
}

// TestTagsOfWhichSomeAreNew counts the requests of a second run.
func TestTagsOfWhichSomeAreNew(t *testing.T) {
	m := newManyTags(t, server.WithReferrersSupport(true))
	old, all := []string{}, []string{}
	for i := range 50 {
		tag := fmt.Sprintf("v1.%d.0", i)
		if all = append(all, tag); i < 40 {
			m.push(tag, tag)
			old = append(old, tag)
		}
	}
	count := func(statuses []string, status TagStatus) int { return having(statuses, "="+string(status)) }
	groups, derived, _, err := m.run(proctest.Context(t), m.ask(nil))
	if err != nil || count(groups, TagDerived) != len(old) || len(derived) != len(old) {
		t.Fatalf("%v in %q", err, groups)
	}
	for _, tag := range all[len(old):] {
		m.push(tag, tag)
	}
	groups, derived, requests, err := m.run(proctest.Context(t), m.ask(nil))
	if err != nil || count(groups, TagSkipped) != 40 || count(groups, TagDerived) != 10 || len(derived) != 10 {
		t.Fatalf("%v in %q", err, groups)
	}
	heads := 0
	for _, tag := range all {
		n := 0
		for _, r := range requests {
			if r == "HEAD /v2/team/app/manifests/"+tag {
				n++
			}
		}
		// One that is derived from is asked for again: it may have moved.
		if heads += n; n != 1 && slices.Contains(old, tag) {
			t.Errorf("%s: %d HEAD requests", tag, n)
		}
	}
	for _, tag := range old {
		if n := having(requests, tag+"-debug"); n > 0 {
			t.Errorf("%s: its debug tag is asked for %d times", tag, n)
		}
	}

	// A run that finds nothing to do: one HEAD request a tag, and what does not depend on them.
	groups, _, requests, err = m.run(proctest.Context(t), m.ask(nil))
	if err != nil || count(groups, TagSkipped) != len(all) {
		t.Fatalf("%v in %q", err, groups)
	}
	rest := slices.DeleteFunc(slices.Clone(requests), func(r string) bool { return strings.HasPrefix(r, "HEAD /v2/team/app/manifests/v1.") })
	if want := []string{"GET /v2/", "GET /v2/team/app/tags/list", "GET /v2/team/app/manifests/" + registry.RecordTag}; len(requests) != len(all)+len(want)+1 || !slices.Equal(rest[:len(want)], want) || !strings.HasPrefix(rest[len(want)], "GET /v2/team/app/blobs/") {
		t.Errorf("%d requests, beside those for tags %q", len(requests), rest)
	}
}

func TestWhatIsDerivedAgain(t *testing.T) {
	for _, api := range []bool{true, false} {
		m := newManyTags(t, server.WithReferrersSupport(api))
		digest := m.push("a", "v1.1.0")
		m.push("b", "v1.2.0")
		const skipped = "v1.2.0=skipped, v1.1.0=skipped"
		m.check("the first time", nil, "v1.2.0=derived, v1.1.0=derived", "v1.1.0, v1.2.0")
		m.check("nothing", nil, skipped, "")
		m.check("nothing, at another place", func(_ *ManyTags, o *Options) {
			o.BuildArgs, o.NoCacheFilter = []string{"GOPROXY=https://proxy.example", "HTTPS_PROXY=http://10.0.0.1"}, []string{"x"}
		}, skipped, "")
		m.check("nothing, in a dry run", func(_ *ManyTags, o *Options) { o.Push, o.DryRun = false, true }, skipped, "")
		m.check("all, because it is asked for", func(_ *ManyTags, o *Options) { o.NoCache = true }, "v1.2.0=derived, v1.1.0=derived", "v1.1.0, v1.2.0")
		m.check("what other options make", func(many *ManyTags, o *Options) {
			many.Included, o.Labels = []string{"v1.1.*"}, []string{"a=b"}
		}, "v1.1.0=derived", "v1.1.0")
		m.check("and what the first ones do", nil, "v1.2.0=skipped, v1.1.0=derived", "v1.1.0")
		m.check("a variant more", func(_ *ManyTags, o *Options) {
			o.Variants = append(o.Variants, variants.NewRequest(variants.Known()[1]))
		}, "v1.2.0=derived, v1.1.0=derived", "v1.1.0, v1.2.0")

		m.push("c", "v1.1.0")
		m.check("a tag that moved", nil, "v1.2.0=skipped, v1.1.0=derived", "v1.1.0")
		m.push("a", "v1.1.0")
		m.check("a tag that moved back", nil, "v1.2.0=skipped, v1.1.0=derived", "v1.1.0")

		m.push("a", "v1.1.1")
		m.check("another tag of a digest", nil, "v1.2.0=skipped, v1.1.1 v1.1.0=derived", "v1.1.1 v1.1.0")

		// The record is lost: the links say the same.
		record := "v2/team/app/manifests/" + registry.RecordTag
		m.delete(record)
		requests := m.check("nothing, without the record", nil, "v1.2.0=skipped, v1.1.1 v1.1.0=skipped", "")
		if n := having(requests, "PUT /"+record); n != 1 {
			t.Errorf("the record is written %d times", n)
		}
		if requests = m.check("nothing, with the record again", nil, "v1.2.0=skipped, v1.1.1 v1.1.0=skipped", ""); having(requests, "-debug") > 0 || having(requests, "PUT") > 0 {
			t.Errorf("the requests are %q", requests)
		}

		m.delete("v2/team/app/manifests/v1.2.0-debug")
		m.check("a debug tag that is gone", nil, "v1.2.0=derived, v1.1.1 v1.1.0=skipped", "v1.2.0")

		// Only --recheck sees another debug image.
		m.put(labelled(t, map[string]string{variants.LabelVersion: "v1.0.0"}), "v1.2.0-debug")
		m.check("nothing that is asked for", nil, "v1.2.0=skipped, v1.1.1 v1.1.0=skipped", "")
		recheck := func(many *ManyTags, _ *Options) { many.Recheck = true }
		m.check("a debug tag that was overwritten", recheck, "v1.2.0=derived, v1.1.1 v1.1.0=skipped", "v1.2.0")
		m.check("nothing, asked for", recheck, "v1.2.0=skipped, v1.1.1 v1.1.0=skipped", "")

		// The links are of the digest that was derived from, though the tag moves meanwhile.
		m.delete(record)
		m.begin = func(context.Context, []string) error { m.push("d", "v1.3.0"); return nil }
		m.push("e", "v1.3.0")
		only := func(many *ManyTags, _ *Options) { many.Included = []string{"v1.3.*"} }
		m.check("a tag that moves meanwhile", only, "v1.3.0=derived", "v1.3.0")
		m.delete(record)
		m.begin = nil
		m.check("a tag that has moved meanwhile", only, "v1.3.0=derived", "v1.3.0")
		if digest == "" {
			t.Error("no digest")
		}
	}
}

// delete deletes by a path.
func (m *manyTags) delete(path string) {
	m.t.Helper()
	r, err := http.NewRequestWithContext(proctest.Context(m.t), http.MethodDelete, "http://"+strings.SplitN(m.repo, "/", 2)[0]+"/"+path, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusAccepted {
		m.t.Fatalf("deleting %s: %s, %v", path, response.Status, err)
	}
}

func TestWhatFailsStopsNothingElse(t *testing.T) {
	m := newManyTags(t)
	digests := map[string]string{}
	for _, tag := range []string{"v1.1.0", "v1.2.0", "v1.3.0", "v1.4.0", "v1.5.0"} {
		digests[tag] = m.push(tag, tag)
	}
	broken := errors.New("the compiler is gone")
	m.begin = func(_ context.Context, tags []string) error {
		switch tags[0] {
		case "v1.2.0":
			return broken
		case "v1.3.0":
			return fmt.Errorf("building: %w", &refuse.Error{Cause: errors.New("no Go program")})
		}
		return nil
	}
	m.answer = func(w http.ResponseWriter, r *http.Request) bool {
		head := r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/v1.4.0")
		if head || strings.HasSuffix(r.URL.Path, digests["v1.5.0"]) {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	m.check("the first time", nil, "v1.5.0=failed, v1.4.0=failed, v1.3.0=refused, v1.2.0=failed, v1.1.0=derived", "v1.1.0")
	m.answer, m.begin = nil, nil
	m.check("the second time", nil, "v1.5.0=derived, v1.4.0=derived, v1.3.0=derived, v1.2.0=derived, v1.1.0=skipped", "v1.2.0, v1.3.0, v1.4.0, v1.5.0")
}

func TestAnInterruptedCallIsGoneOnWith(t *testing.T) {
	m := newManyTags(t)
	for i := range 6 {
		m.push(fmt.Sprint(i), fmt.Sprintf("v1.%d.0", i))
	}
	ctx, cancel := context.WithCancel(proctest.Context(t))
	defer cancel()
	m.begin = func(ctx context.Context, tags []string) error {
		if tags[0] == "v1.3.0" {
			cancel()
		}
		return ctx.Err()
	}
	groups, first, requests, err := m.run(ctx, m.ask(func(many *ManyTags, _ *Options) { many.Jobs = 1 }))
	if !errors.Is(err, context.Canceled) || strings.Join(groups, ", ") != "v1.5.0=derived, v1.4.0=derived, v1.3.0=left, v1.2.0=left, v1.1.0=left, v1.0.0=left" {
		t.Fatalf("%v, and %q, derived %q", err, groups, first)
	}
	if having(requests, "PUT /v2/team/app/manifests/"+registry.RecordTag) != 1 {
		t.Errorf("the record is not written: %q", requests)
	}
	m.begin = nil
	m.check("the second time", nil, "v1.5.0=skipped, v1.4.0=skipped, v1.3.0=derived, v1.2.0=derived, v1.1.0=derived, v1.0.0=derived", "v1.0.0, v1.1.0, v1.2.0, v1.3.0")
	if m.at[true] > 2 {
		t.Errorf("%d were derived from at the same time, and --jobs is 2", m.at[true])
	}
}

// TestWithoutARecord has a registry that takes none, and one where its tag is taken.
func TestWithoutARecord(t *testing.T) {
	m := newManyTags(t)
	m.push("a", "v1.1.0")
	m.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, registry.RecordTag) {
			http.Error(w, `{"errors": [{"code": "TAG_INVALID", "message": "tags are immutable"}]}`, http.StatusConflict)
			return true
		}
		return false
	}
	m.check("the first time", nil, "v1.1.0=derived", "v1.1.0")
	if len(m.told) != 1 || !strings.Contains(m.told[0], "is not recorded, so the next call asks for each debug tag: writing "+m.repo+":"+registry.RecordTag) {
		t.Errorf("told %q", m.told)
	}
	m.check("the second time", nil, "v1.1.0=skipped", "")
	m.answer = nil
	m.put(labelled(t, nil), registry.RecordTag)
	requests := m.check("with a tag that somebody else has", nil, "v1.1.0=skipped", "")
	if len(m.told) != 1 || !strings.Contains(m.told[0], "exists and is no record") || having(requests, "PUT") > 0 {
		t.Errorf("told %q", m.told)
	}
}

func TestNothingIsBuiltThatCannotBePushed(t *testing.T) {
	m := newManyTags(t)
	m.push("a", "v1.1.0")
	m.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	if _, derived, _, err := m.run(proctest.Context(t), m.ask(nil)); err == nil || !strings.Contains(err.Error(), "docker login") || len(derived) > 0 {
		t.Errorf("derived %q, and %v", derived, err)
	}
}

func TestWhatDoesNotGoWithManyTags(t *testing.T) {
	dir := t.TempDir()
	for want, change := range map[string]func(*ManyTags, *Options){
		`"app:v1" has a tag, and --all-tags takes those of a whole repository: write app`: func(m *ManyTags, _ *Options) { m.Repository = "app:v1" },
		"has a digest, and --all-tags takes the tags of a whole repository: write app":    func(m *ManyTags, _ *Options) { m.Repository = "app@sha256:" + strings.Repeat("a", 64) },
		"repository names are lower case":                                                 func(m *ManyTags, _ *Options) { m.Repository = "App" },
		"-t names one production reference":                                               func(_ *ManyTags, o *Options) { o.Tags = []string{"app:v1"} },
		"--all-tags needs --push, or --dry-run":                                           func(_ *ManyTags, o *Options) { o.Push = false },
		"--all-tags pushes images, and has no other output: leave out --load and -o":      func(_ *ManyTags, o *Options) { o.Load = true },
		"has no other output": func(_ *ManyTags, o *Options) { o.Outputs = []string{"type=oci,dest=x"} },
		"each image would overwrite the cache of --cache-to type=registry":                   func(_ *ManyTags, o *Options) { o.CacheTo = []string{"app:cache"} },
		"--jobs is 0: it must be 1 or more":                                                  func(m *ManyTags, _ *Options) { m.Jobs = 0 },
		"--source is a checkout, which has the sources of one commit":                        func(m *ManyTags, _ *Options) { m.Source = dir },
		"--source names the commit v1 of a repository, and --all-tags derives from several":  func(m *ManyTags, _ *Options) { m.Source = "git+https://git.example/app#v1" },
		`--source is "/no/such/folder": it must be a folder, or the URL of a git repository`: func(m *ManyTags, _ *Options) { m.Source = "/no/such/folder" },
		"--progress is": func(_ *ManyTags, o *Options) { o.Progress = "loud" },
	} {
		many := ManyTags{Repository: "app", Included: []string{"v1.*"}, Jobs: 1}
		o := Options{Variants: []variants.Request{variants.NewRequest(variants.Known()[0])}, Push: true, Progress: "auto"}
		change(&many, &o)
		if _, err := NewTags(many, o, environment(nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestWhatIsInAnotherRepositoryIsFoundWithoutTheRecord(t *testing.T) {
	m := newManyTags(t)
	m.push("a", "v1.1.0")
	m.push("b", "v1.2.0")
	elsewhere := func(template string) func(*ManyTags, *Options) {
		return func(_ *ManyTags, o *Options) { o.Variants[0].Variant.Suffix = template }
	}
	m.check("the first time", elsewhere("{repository}-debug:{tag}"), "v1.2.0=derived, v1.1.0=derived", "v1.1.0, v1.2.0")
	m.delete("v2/team/app/manifests/" + registry.RecordTag)
	m.check("without the record", elsewhere("{repository}-debug:{tag}"), "v1.2.0=skipped, v1.1.0=skipped", "")
	m.check("in a third one", elsewhere("{repository}-dbg:{tag}"), "v1.2.0=derived, v1.1.0=derived", "v1.1.0, v1.2.0")
}

// TestOneDebugTagOfSeveralImagesIsRefused has templates without {tag}.
func TestOneDebugTagOfSeveralImagesIsRefused(t *testing.T) {
	m := newManyTags(t)
	m.push("a", "v1.1.0")
	m.push("b", "v1.2.0")
	for template, tag := range map[string]string{"newest-{variant}": m.repo + ":newest-remote", "{repository}-debug:newest": m.repo + "-debug:newest"} {
		_, derived, _, err := m.run(proctest.Context(t), m.ask(func(_ *ManyTags, o *Options) { o.Variants[0].Variant.Suffix = template }))
		if want := "tag " + tag + " would name the debug images of both v1.2.0 and v1.1.0"; err == nil || !strings.Contains(err.Error(), want) || len(derived) > 0 {
			t.Errorf("%s: got %v, want %s, derived %q", template, err, want, derived)
		}
	}
	m.check("of one image", func(many *ManyTags, o *Options) {
		many.Included, o.Variants[0].Variant.Suffix = []string{"v1.1*"}, "newest-{variant}"
	}, "v1.1.0=derived", "v1.1.0")
}
