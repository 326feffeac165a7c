package main

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// repository is where files lead that are not part of the site.
const repository = "https://github.com/dlvgen/dlvgen/blob/main/"

//go:embed page.html style.css
var assets embed.FS

// site is all pages.
type site struct {
	root  string
	pages []*page // in the order of the navigation

	files map[string]bool // images that pages show, relative to the repository
}

// readSite reads README.md and what docs has. Pages come in the order in which README.md
// lists them; it has to list all.
func readSite(root string) (*site, error) {
	readme, err := readPage(root, "README.md")
	if err != nil {
		return nil, err
	}
	s := &site{root: root, pages: []*page{readme}, files: map[string]bool{}}
	names, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		p, err := readPage(root, "docs/"+filepath.Base(name))
		if err != nil {
			return nil, err
		}
		s.pages = append(s.pages, p)
	}
	return s, s.sort(readme)
}

// sort puts the pages in the order of the last links of README.md, those of its table.
func (s *site) sort(readme *page) error {
	links, err := readme.links()
	if err != nil {
		return err
	}
	at := map[string]int{readme.file: -1}
	for i, l := range links {
		at[l.target] = i
	}
	for _, p := range s.pages {
		if _, ok := at[p.file]; !ok {
			return fmt.Errorf("README.md has no link to %s: add it to the table under \"Read more\"", p.file)
		}
	}
	slices.SortFunc(s.pages, func(a, b *page) int { return at[a.file] - at[b.file] })
	return nil
}

// resolve makes the links of all pages lead to the site's own files. An error has every link
// that leads nowhere.
func (s *site) resolve() error {
	var errs []error
	for _, p := range s.pages {
		links, err := p.links()
		errs = append(errs, err)
		for _, l := range links {
			target, err := s.target(p, l.target)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s links to %s: %w", p.file, l.target, err))
				continue
			}
			l.replace(target)
		}
	}
	return errors.Join(errs...)
}

// target is where a link of a page leads to in the site.
func (s *site) target(from *page, to string) (string, error) {
	u, err := url.Parse(to)
	if err != nil {
		return "", err
	}
	file, anchor := path.Join(path.Dir(from.file), u.Path), u.Fragment
	if u.Path == "" {
		file = from.file
	}
	if file == ".." || strings.HasPrefix(file, "../") {
		return "", errors.New("it is outside of the repository")
	}
	for _, p := range s.pages {
		switch {
		case p.file != file:
		case anchor == "":
			return p.output, nil
		case !p.anchors[anchor]:
			return "", fmt.Errorf("%s has no heading with the anchor #%s", p.file, anchor)
		default:
			return p.output + "#" + anchor, nil
		}
	}
	if _, err := os.Stat(filepath.Join(s.root, filepath.FromSlash(file))); err != nil {
		return "", errors.New("there is no such file")
	}
	if path.Ext(file) == ".svg" && strings.HasPrefix(file, "docs/") {
		s.files[file] = true
		return path.Base(file), nil
	}
	return repository + file, nil
}

// writeSite writes the site, in place of what the folder has of an earlier one.
func writeSite(root, out string) error {
	s, err := readSite(root)
	if err == nil {
		err = s.resolve()
	}
	if err != nil {
		return err
	}
	look, err := template.ParseFS(assets, "page.html")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, p := range s.pages {
		if err := s.write(look, filepath.Join(out, p.output), p); err != nil {
			return err
		}
	}
	return s.copyFiles(out)
}

// write writes one page.
func (s *site) write(look *template.Template, name string, p *page) error {
	content, err := p.render()
	if err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	type item struct {
		Title, Link string
		Sections    []section // of the page that is shown
	}
	var items []item
	for _, other := range s.pages {
		one := item{Title: other.title, Link: other.output}
		if other == p {
			one.Sections = p.sections
		}
		items = append(items, one)
	}
	err = look.Execute(f, map[string]any{
		"Title": p.title, "Current": p.output, "Items": items, "Content": template.HTML(content), //nolint:gosec // the pages are our own
	})
	return errors.Join(err, f.Close())
}

// copyFiles copies the style and the images.
func (s *site) copyFiles(out string) error {
	style, err := assets.ReadFile("style.css")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "style.css"), style, 0o644); err != nil {
		return err
	}
	for file := range s.files {
		data, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(file)))
		if err == nil {
			err = os.WriteFile(filepath.Join(out, path.Base(file)), data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
