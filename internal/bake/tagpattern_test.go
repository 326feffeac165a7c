package bake

import (
	"slices"
	"strings"
	"testing"
)

func TestPatternsOfTags(t *testing.T) {
	tags := []string{"v1.0", "v1.2.3", "v10.0", "v1.2.3-debug", "1.0", "latest"}
	for _, tc := range []struct {
		included, excluded []string
		want               string // the tags that match, or the error
	}{
		{[]string{"v1.*"}, nil, "v1.0 v1.2.3 v1.2.3-debug"},
		{[]string{"v1.*"}, []string{"*-debug"}, "v1.0 v1.2.3"},
		{[]string{"v1.?", "latest"}, nil, "v1.0 latest"},
		{[]string{"[0-9]*"}, nil, "1.0"},
		{[]string{"[^v]*"}, nil, "1.0 latest"},
		{[]string{"*"}, []string{"v*", "1*"}, "latest"},
		{[]string{`v1\.*`}, nil, "v1.0 v1.2.3 v1.2.3-debug"},
		{[]string{""}, nil, `--all-tags is "": it must be a pattern such as 'v1.*'`},
		{[]string{"v[1"}, nil, `--all-tags is "v[1": it must be a pattern`},
		{[]string{`^v1\.`}, nil, "it must be a pattern"},
		{[]string{"v1.*$"}, nil, "it must be a pattern"},
		{[]string{"(v1|v2).*"}, nil, "it must be a pattern"},
		{[]string{"app:v1.*"}, nil, "it must be a pattern"},
		{[]string{"v1.*"}, []string{"v[1"}, `--exclude-tags is "v[1": it must be a pattern`},
	} {
		p, err := newTagPatterns(tc.included, tc.excluded)
		if err != nil {
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q, not %q: %v, want %q", tc.included, tc.excluded, err, tc.want)
			}
			continue
		}
		var got []string
		for _, tag := range tags {
			if p.match(tag) {
				got = append(got, tag)
			}
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%q, not %q: %q, want %q", tc.included, tc.excluded, got, tc.want)
		}
	}
}

func TestTheNewestTagIsFirst(t *testing.T) {
	want := []string{"v2.0.0", "v1.10.0", "1.9.1", "v1.9.0", "v1.9", "v1.9.0-rc.1", "v1.0.0", "v1", "nightly", "latest", "edge"}
	got := slices.Clone(want)
	slices.Sort(got)
	slices.SortFunc(got, newestFirst)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
