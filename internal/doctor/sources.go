package doctor

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"go/build"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/imagecheck"
	"github.com/dlvgen/dlvgen/variants"
)

// checkout is the local folder of a program's main module, and the program's files in it.
type checkout struct {
	folder, module string

	// compiled are the files of the module that the program has code of, by their paths below its
	// folder. It is empty where nothing tells.
	compiled map[string]*imagecheck.DeclaredFile

	// packages are the folders of the module that the program is made of, nil where nothing tells.
	packages map[string]bool
	matches  build.Context
}

// newCheckout looks for the packages that the program's main package imports here.
func newCheckout(folder, module string, facts *gobin.Facts) *checkout {
	c := &checkout{folder: folder, module: module, matches: build.Default}
	c.matches.GOOS, c.matches.GOARCH = cmp.Or(facts.GOOS, "linux"), cmp.Or(facts.GOARCH, build.Default.GOARCH)
	c.matches.CgoEnabled = true
	for _, s := range facts.Info.Settings {
		switch s.Key {
		case "CGO_ENABLED":
			c.matches.CgoEnabled = s.Value == "1"
		case "-tags":
			c.matches.BuildTags = strings.Split(s.Value, ",")
		}
	}
	main, ok := strings.CutPrefix(facts.Info.Path+"/", module+"/")
	if !ok {
		return c
	}
	c.packages = map[string]bool{}
	c.addPackage(path.Clean(main))
	return c
}

// addPackage adds a package of the module, by its folder, and what it imports.
func (c *checkout) addPackage(dir string) {
	if c.packages[dir] {
		return
	}
	c.packages[dir] = true
	// What is wrong with it does not matter: it may be another than the compiled one.
	found, _ := c.matches.ImportDir(filepath.Join(c.folder, filepath.FromSlash(dir)), 0)
	if found == nil {
		return
	}
	for _, imported := range found.Imports {
		if rel, ok := strings.CutPrefix(imported+"/", c.module+"/"); ok {
			c.addPackage(path.Clean(rel))
		}
	}
}

// isCompiled tells whether a file, which may not be here, is one that the program is compiled from.
func (c *checkout) isCompiled(file string) bool {
	dir, name := path.Split(file)
	switch {
	case c.compiled[file] != nil:
		return true
	case !variants.SourceName(name) || strings.HasSuffix(name, "_test.go"):
		return false
	case c.packages != nil && !c.packages[path.Clean(dir)]:
		return false
	}
	matches, err := c.matches.MatchFile(filepath.Join(c.folder, filepath.FromSlash(dir)), name)
	return matches || err != nil
}

// difference is a file of the checkout that is not what was compiled.
type difference struct{ file, reason string }

// comparison is what became of comparing files.
type comparison struct {
	files   int // that were compared
	differs []difference
}

func (c *comparison) differ(file, reason string) {
	if !slices.ContainsFunc(c.differs, func(d difference) bool { return d.file == file }) {
		c.differs = append(c.differs, difference{file, reason})
	}
}

// checkSources compares the checkout with what was compiled: file by file where an image has the
// sources, else with the commit that the program names, and with its debug information. Go's
// linker writes no hashes of files into line tables, so the lines of functions have to do.
func (d *Doctor) checkSources(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	p, err := d.program(ctx)
	if err != nil {
		return noProgram(err)
	}
	module := cmp.Or(t.labels().Module, p.facts.Info.Main.Path)
	if f, ok := d.hasModule(module); !ok {
		return f
	}
	here := newCheckout(d.Checkout, module, p.facts)
	declaring, labels := d.declaring(ctx, t, p)
	undeclared := here.readCompiled(declaring, p.facts, labels)
	if from, root, image := d.baked(ctx, t, p, module); from != nil {
		c, err := here.compareFiles(ctx, from, root)
		if err == nil && c.files > 0 {
			return here.concludeFiles(c, image, p.facts)
		}
		if err != nil {
			return failed("", "the sources of %s cannot be read: %s", image, err)
		}
	}
	return here.compareWithProgram(ctx, p.facts, undeclared)
}

// hasModule says why there is no checkout of a module.
func (d *Doctor) hasModule(module string) (finding, bool) {
	const remedy = "name the folder of its go.mod with --local, or run this in it"
	switch {
	case module == "":
		return skipped("the program is of no module"), false
	case d.Checkout == "":
		return warning(remedy, "the program is of module %s, and the working folder is part of no module", module), false
	case d.Module != module && !d.Chosen:
		return warning(remedy, "the program is of module %s, and %s is module %s", module, d.Checkout, d.Module), false
	}
	return finding{}, true
}

// declaring is a file with the program's debug information, and the labels of its image: the
// program itself, else the sidecar's symbols if they are its own.
func (d *Doctor) declaring(ctx context.Context, t *target, p *program) (file string, labels variants.Labels) {
	if p.facts.DWARF {
		return p.file, t.labels()
	}
	s, err := d.symbols(ctx)
	if err != nil || s.differ != nil {
		return "", t.labels()
	}
	name, err := d.copyOf(ctx, s.files, s.plan.Symbols.File)
	if err != nil {
		return "", t.labels()
	}
	return name, s.image.Labels
}

// baked are the files of an image that has the sources which the program was compiled from, and
// their folder in it; nil for none.
func (d *Doctor) baked(ctx context.Context, t *target, p *program, module string) (from files, root, image string) {
	if root := bakedAt(t.labels(), module); root != "" {
		return p.files, root, t.name
	}
	if t.labels().Kind != "" {
		return nil, "", ""
	}
	if s, err := d.symbols(ctx); err == nil && s.differ == nil {
		if root := bakedAt(s.image.Labels, module); root != "" {
			return s.files, root, s.image.Ref
		}
	}
	all, err := d.images(ctx)
	if err != nil {
		return nil, "", ""
	}
	for _, img := range all.found {
		root := bakedAt(img.Labels, module)
		if root == "" || !img.Linked || img.Labels.Rebuilt != "" || img.Labels.Kind == variants.KindSidecar {
			continue
		}
		if from, _, err := d.open(ctx, img); err == nil {
			return from, root, img.Ref
		}
	}
	return nil, "", ""
}

// bakedAt is the folder of the main module in an image that has sources, "" for others.
func bakedAt(labels variants.Labels, module string) string {
	if labels.Sources != variants.SourcesBaked {
		return ""
	}
	for _, rule := range labels.Paths {
		at := cmp.Or(rule.Source, rule.Path)
		if rule.Kind == variants.PathModule && rule.Module == module && path.IsAbs(at) {
			return path.Clean(at)
		}
	}
	return ""
}

// readCompiled reads which files of the module the program has. The error is why it is not known.
func (c *checkout) readCompiled(file string, facts *gobin.Facts, labels variants.Labels) error {
	if file == "" {
		return errors.New("it has no debug information")
	}
	root, known := moduleRoot(labels, facts, c.module)
	below := func(name string) (string, bool) {
		rel, ok := strings.CutPrefix(name, root+"/")
		return rel, ok && root != "" && strings.HasSuffix(rel, ".go") && filepath.IsLocal(filepath.FromSlash(rel)) &&
			!strings.HasPrefix(path.Base(rel), "_cgo_") && !strings.HasPrefix(rel, "vendor/")
	}
	if !known {
		var err error
		if root, err = mainFolder(file, facts); err != nil {
			return err
		}
	}
	files, err := imagecheck.DeclaredFiles(file, func(name string) bool { _, ok := below(name); return ok })
	if err != nil {
		return err
	}
	c.compiled = map[string]*imagecheck.DeclaredFile{}
	for name, declared := range files {
		rel, _ := below(name)
		c.compiled[rel] = declared
		if c.packages != nil {
			c.packages[path.Dir(rel)] = true
		}
	}
	if len(c.compiled) == 0 {
		return errors.New("its debug information names no file of the module")
	}
	return nil
}

// moduleRoot is how debug information names the folder of the main module, if that is known.
func moduleRoot(labels variants.Labels, facts *gobin.Facts, module string) (string, bool) {
	for _, rule := range labels.Paths {
		if rule.Kind == variants.PathModule && rule.Module == module {
			return rule.Path, true
		}
	}
	for _, s := range facts.Info.Settings {
		if s.Key == "-trimpath" && s.Value == "true" {
			main := facts.Info.Main
			if main.Version != "" && main.Version != "(devel)" && main.Sum != "" { // of go install MODULE@VERSION
				return main.Path + "@" + main.Version, true
			}
			return main.Path, true
		}
	}
	return "", false
}

// mainFolder is the folder of the main module as debug information has it: that of the main
// package without what its path has below the module's.
func mainFolder(file string, facts *gobin.Facts) (string, error) {
	errUnknown := errors.New("its debug information does not tell where the module was compiled")
	rest, ok := strings.CutPrefix(facts.Info.Path, facts.Info.Main.Path)
	if !ok {
		return "", errUnknown
	}
	files, err := imagecheck.DeclaredFiles(file, func(name string) bool {
		return path.IsAbs(name) && strings.HasSuffix(name, ".go") && strings.HasSuffix(path.Dir(name), rest)
	})
	if err != nil {
		return "", err
	}
	for name, declared := range files {
		if declared.Main {
			return strings.TrimSuffix(path.Dir(name), rest), nil
		}
	}
	return "", errUnknown
}

// maxSources is more than the sources of a module have, all together.
const maxSources = 4 << 30

// compareFiles compares the files of an image below a folder with those of the checkout.
func (c *checkout) compareFiles(ctx context.Context, from files, root string) (*comparison, error) {
	result := &comparison{}
	left := int64(maxSources)
	err := from.each(ctx, root, func(name string, content io.Reader) error {
		rel, ok := strings.CutPrefix(name, root+"/")
		if !ok || !filepath.IsLocal(filepath.FromSlash(rel)) || !c.isCompiled(rel) {
			return nil // production may have other files beside them
		}
		sum := sha256.New()
		n, err := io.Copy(sum, io.LimitReader(content, left))
		if left -= n; err == nil && left == 0 {
			err = errors.New("it has more sources than any program")
		}
		if err != nil {
			return err
		}
		result.files++
		if reason := c.compareSum(rel, sum.Sum(nil)); reason != "" {
			result.differ(rel, reason)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return result, nil
	}
	return result, err
}

// compareSum says how a file of the checkout differs from one of this SHA-256, "" if it does not.
// Line ends may be those of Windows.
func (c *checkout) compareSum(rel string, want []byte) string {
	data, reason := c.read(rel)
	if reason != "" {
		return reason
	}
	for _, text := range [][]byte{data, bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))} {
		if sum := sha256.Sum256(text); bytes.Equal(sum[:], want) {
			return ""
		}
	}
	return "its content is another"
}

// read is a file of the checkout, or why there is none.
func (c *checkout) read(rel string) (data []byte, reason string) {
	data, err := os.ReadFile(filepath.Join(c.folder, filepath.FromSlash(rel)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "it is not in the checkout"
	case err != nil:
		return nil, fmt.Sprintf("it cannot be read: %s", err)
	}
	return data, ""
}

// concludeFiles words what was compared file by file.
func (c *checkout) concludeFiles(result *comparison, image string, facts *gobin.Facts) finding {
	if len(result.differs) == 0 {
		return found("the source files of %s are those of %s: %d are compared", image, c.folder, result.files)
	}
	f := failed(remedyFor(facts), "%d of the %d source files of %s differ from those of %s: %s", len(result.differs), result.files, image, c.folder, firstNames(result.differs))
	return withDetails(f, listed(result.differs)...)
}

// remedyFor is what to do with a checkout that is not what was compiled.
func remedyFor(facts *gobin.Facts) string {
	switch s := stampOf(facts); {
	case s.revision != "" && s.modified:
		return fmt.Sprintf("check out the commit that was compiled, with changes: `git checkout %s`, or build the image from this checkout", s.revision)
	case s.revision != "":
		return fmt.Sprintf("check out the commit that was compiled: `git checkout %s`, or build the image from this checkout", s.revision)
	}
	return "check out what was compiled, or build the image from this checkout: until then lines and breakpoints are those of other code"
}

// maxNamed is how many files a result names.
const maxNamed = 10

// listed are lines that name files, and how many there are beyond.
func listed(list []difference) []string {
	slices.SortFunc(list, func(a, b difference) int { return cmp.Compare(a.file, b.file) })
	var lines []string
	for _, d := range list[:min(len(list), maxNamed)] {
		lines = append(lines, d.file+": "+d.reason)
	}
	if more := len(list) - maxNamed; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// firstNames are the first files, for a line.
func firstNames(list []difference) string {
	const most = 3
	slices.SortFunc(list, func(a, b difference) int { return cmp.Compare(a.file, b.file) })
	var names []string
	for _, d := range list[:min(len(list), most)] {
		names = append(names, d.file)
	}
	text := strings.Join(names, ", ")
	if len(list) > most {
		text += fmt.Sprintf(" and %d more", len(list)-most)
	}
	return text
}
