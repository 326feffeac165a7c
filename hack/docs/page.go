package main

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

// page is one file of Markdown.
type page struct {
	file   string // relative to the repository, with slashes: "docs/build.md"
	output string // its name in the site: "build.html"

	title    string
	sections []section // headings of the second level
	anchors  map[string]bool

	source   []byte
	document ast.Node
}

type section struct{ Title, Anchor string }

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM),
	goldmark.WithRendererOptions(html.WithUnsafe()), // the pages are our own
)

// readPage reads a page, and gives its headings the anchors that GitHub gives them.
func readPage(root, file string) (*page, error) {
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return nil, err
	}
	p := &page{
		file: file, output: strings.TrimSuffix(path.Base(file), ".md") + ".html", anchors: map[string]bool{},
		source: source, document: markdown.Parser().Parse(text.NewReader(source)),
	}
	if file == "README.md" {
		p.output = "index.html"
	}
	return p, ast.Walk(p.document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if heading, ok := n.(*ast.Heading); ok && entering {
			p.addHeading(heading)
		}
		return ast.WalkContinue, nil
	})
}

func (p *page) addHeading(heading *ast.Heading) {
	title := textOf(heading, p.source)
	anchor := slug(title)
	for n := 1; p.anchors[anchor]; n++ {
		anchor = fmt.Sprintf("%s-%d", slug(title), n)
	}
	p.anchors[anchor] = true
	heading.SetAttributeString("id", []byte(anchor))
	switch heading.Level {
	case 1:
		p.title = title
	case 2:
		p.sections = append(p.sections, section{title, anchor})
	}
}

// textOf is the text of a node without its marks.
func textOf(n ast.Node, source []byte) string {
	var b strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		switch child := child.(type) {
		case *ast.Text:
			b.Write(child.Segment.Value(source))
		case *ast.String:
			b.Write(child.Value)
		default:
			b.WriteString(textOf(child, source))
		}
	}
	return b.String()
}

// slug is the anchor that GitHub gives a heading.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}

// link is a link or an image of a page.
type link struct {
	target  string
	replace func(target string)
}

// links are those that do not lead out of the repository.
func (p *page) links() ([]link, error) {
	var links []link
	add := func(target []byte, replace func(string)) {
		if u, err := url.Parse(string(target)); err != nil || u.Scheme == "" && u.Host == "" {
			links = append(links, link{string(target), replace})
		}
	}
	err := ast.Walk(p.document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			add(n.Destination, func(target string) { n.Destination = []byte(target) })
		case *ast.Image:
			add(n.Destination, func(target string) { n.Destination = []byte(target) })
		case *ast.HTMLBlock, *ast.RawHTML:
			if text := rawText(n, p.source); strings.Contains(text, "href=") || strings.Contains(text, "src=") {
				return ast.WalkStop, fmt.Errorf("%s: links in HTML are not checked: %s", p.file, strings.TrimSpace(text))
			}
		}
		return ast.WalkContinue, nil
	})
	return links, err
}

// rawText is the text of HTML in a page.
func rawText(n ast.Node, source []byte) string {
	segments := new(text.Segments)
	switch n := n.(type) {
	case *ast.HTMLBlock:
		segments = n.Lines()
	case *ast.RawHTML:
		segments = n.Segments
	}
	return string(segments.Value(source))
}

// render is the page's content as HTML.
func (p *page) render() (string, error) {
	var b bytes.Buffer
	err := markdown.Renderer().Render(&b, p.source, p.document)
	return b.String(), err
}
