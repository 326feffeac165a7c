package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryLinkOfTheDocumentationLeadsSomewhere(t *testing.T) {
	s, err := readSite("../..")
	if err == nil {
		err = s.resolve()
	}
	if err != nil {
		t.Error(err)
	}
}

// write writes the files of a repository.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestALinkThatLeadsNowhereIsReported(t *testing.T) {
	for name, want := range map[string]string{
		"[b](docs/b.md)":               "README.md links to docs/b.md: there is no such file",
		"[a](docs/a.md#other)":         "docs/a.md has no heading with the anchor #other",
		"[self](#nothing)":             "README.md has no heading with the anchor #nothing",
		"[out](../x)":                  "it is outside of the repository",
		"![image](docs/x.svg)":         "there is no such file",
		"<a href=\"docs/b.md\">b</a>":  "README.md: links in HTML are not checked",
		"<p>\n<img src=\"x\">\n</p>\n": "README.md: links in HTML are not checked",
	} {
		root := write(t, map[string]string{"README.md": "# r\n\n[a](docs/a.md)\n\n" + name + "\n", "docs/a.md": "# a\n"})
		if err := writeSite(root, filepath.Join(root, "site")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestAPageThatREADMEDoesNotListIsReported(t *testing.T) {
	root := write(t, map[string]string{"README.md": "# r\n", "docs/a.md": "# a\n"})
	if err := writeSite(root, filepath.Join(root, "site")); err == nil || !strings.Contains(err.Error(), "README.md has no link to docs/a.md") {
		t.Error(err)
	}
}

func TestLinksLeadToPagesOfTheSite(t *testing.T) {
	root := write(t, map[string]string{
		"README.md": "# The *first* page\n\n[a](docs/a.md#use-it-go_1-twice-1), [code](x/y.go), ![p](docs/p.svg), [out](https://example.com/docs/a.md)\n\n| | |\n|---|---|\n| [a](docs/a.md) | [b](docs/b.md) |\n",
		"docs/a.md": "# A\n\n## Use it: `go_1`, twice\n\n## Use it: `go_1`, twice\n\n[up](../README.md), [b](b.md), [here](#a)\n",
		"docs/b.md": "# B\n\n    <b>&\n", "docs/p.svg": "<svg/>", "x/y.go": "package x\n",
	})
	out := filepath.Join(root, "site")
	if err := writeSite(root, out); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"index.html": {`href="a.html#use-it-go_1-twice-1"`, `href="` + repository + `x/y.go"`, `src="p.svg"`, `href="https://example.com/docs/a.md"`, "<title>dlvgen</title>", `<a href="a.html">A</a>`},
		"a.html":     {`<h2 id="use-it-go_1-twice">`, `<h2 id="use-it-go_1-twice-1">`, `href="index.html"`, `href="b.html"`, `href="a.html#a"`, "<title>A · dlvgen</title>", `<a href="index.html">The first page</a>`},
		"b.html":     {"<pre><code>&lt;b&gt;&amp;\n</code></pre>", `<a href="b.html" aria-current="page">B</a>`},
		"p.svg":      {"<svg/>"},
		"style.css":  {"prefers-color-scheme:dark"},
	} {
		got, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Error(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(got), want) {
				t.Errorf("%s has no %s:\n%s", name, want, got)
			}
		}
	}
}
