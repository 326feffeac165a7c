package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
)

// tests are what the manifest says of a package's tests, the packages that their program is
// compiled from, and what of their data is not captured.
type tests struct {
	manifest.Test
	packages []goPackage
	leftOut  []manifest.LeftOut
}

// CompileTests compiles the tests that the step was asked for in the way of the call, when
// the call has compiled its programs, and captures what they find in their folder. It
// returns the exit code of the go command, 0 where there is nothing to compile.
func (r *Recording) CompileTests(ctx context.Context) int {
	asked, err := os.ReadFile(r.build.Step.Test)
	if err != nil {
		return 0 // none are
	}
	pkg := strings.TrimSpace(string(asked))
	if _, ok := r.build.Call.Tests(r.build.Rewrite, pkg, ""); !ok {
		return 0
	}
	r.finish()
	packages, err := r.listed(ctx)
	if err != nil || !slices.ContainsFunc(packages, goPackage.isAsked) {
		return 0 // which the record tells
	}
	r.packages, r.isListed = packages, true
	code, err := r.compileTests(ctx, pkg)
	if err != nil {
		r.build.Step.Say(fmt.Sprintf("go: compiling the tests of %s: %v\n", pkg, err))
		return 1
	}
	return code
}

func (r *Recording) compileTests(ctx context.Context, pkg string) (code int, err error) {
	b := r.build
	t, err := b.findTests(ctx, pkg)
	if err != nil {
		return 0, err
	}
	r.tests = t
	if t.Missing != "" {
		return 0, nil
	}
	folder := path.Join(layout.CaptureTests, b.testsID(pkg))
	name := b.testExecutable(goPackage{ImportPath: pkg + ".test"}, nil)
	t.File, t.Data = path.Join(userFolder(), folder, name), path.Join(userFolder(), folder, "data")
	file := filepath.Join(b.Step.Capture, t.File)
	if _, err := os.Stat(file); err == nil {
		return 0, nil // an earlier call of the step has compiled them in the same way
	}
	if err := r.captureTestdata(filepath.Join(b.Step.Capture, t.Data)); err != nil {
		return 0, err
	}
	args, _ := b.Call.Tests(b.Rewrite, pkg, file) // was asked before
	if code := b.Step.Child(b.Toolchain.Path, args, b.Env); code != 0 {
		return code, nil
	}
	own := ownFolder(b.Step)
	return 0, settle(filepath.Join(own, folder), filepath.Join(own, layout.CaptureTests), own)
}

// findTests looks for the tests of a package among what the call's module has. Modules that
// only they need are downloaded.
func (b Build) findTests(ctx context.Context, pkg string) (*tests, error) {
	list := b
	list.Call.Subcommand, list.Call.Packages = "test", []string{pkg}
	packages, err := b.runList(ctx, "", b.Env, list.listArgs("-e"))
	if err != nil {
		return nil, err
	}
	t := &tests{Test: manifest.Test{ImportPath: pkg, Missing: manifest.MissingPackage}, packages: packages}
	for _, p := range packages {
		switch {
		case p.ImportPath == pkg && !p.Standard && (p.Module == nil || p.Module.Main) && filepath.IsAbs(p.Dir):
			t.Dir, t.Missing = p.Dir, manifest.MissingTests
		case p.ImportPath == pkg+".test" && t.Dir != "":
			t.Missing = ""
		}
	}
	return t, nil
}

// testsID names a way of compiling tests in a step.
func (b Build) testsID(pkg string) string {
	args, _ := b.Call.Tests(b.Rewrite, pkg, "")
	key := append([]string{b.dir, b.Rewrite.Goflags}, args...)
	for _, name := range slices.Sorted(maps.Keys(b.Facts.Settings)) {
		key = append(key, name+"="+b.Facts.Settings[name])
	}
	hash := sha256.Sum256([]byte(strings.Join(key, "\x00")))
	return hex.EncodeToString(hash[:12])
}

// testdata is the folder beside a package that its tests read, and that is no package.
const testdata = "testdata"

// captureTestdata copies the testdata of the package below root, at its absolute path. The
// package's folder is there without any, too: its tests run in it.
func (r *Recording) captureTestdata(root string) error {
	dir := filepath.Join(root, r.tests.Dir)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	from, err := originsOf(r.build.Step)
	if err != nil {
		return err
	}
	name := filepath.Join(r.tests.Dir, testdata)
	c := testdataCopy{from: from, to: filepath.Join(dir, testdata), folders: foldersOf(root, []source{{path: name}})}
	// Modules share testdata by links. One that leads out of the module stays a link.
	folder, err := filepath.EvalSymlinks(name)
	if _, module := mainModule(r.tests.packages); err == nil && !strings.HasPrefix(folder, module+"/") {
		folder = name
	}
	if err == nil {
		err = filepath.WalkDir(folder, c.add(folder))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("capturing testdata: %w", err)
	}
	r.tests.leftOut = c.leftOut
	return settle(c.folders...)
}

// testdataCopy copies files with their permissions to be run, and links as they are.
type testdataCopy struct {
	from    origins
	to      string
	folders []string
	leftOut []manifest.LeftOut
}

// add is for each file and folder below a folder.
func (c *testdataCopy) add(folder string) fs.WalkDirFunc {
	return func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(c.to, strings.TrimPrefix(name, folder))
		switch {
		case e.IsDir():
			c.folders = append(c.folders, target)
			return os.MkdirAll(target, dirMode)
		case e.Type() == fs.ModeSymlink:
			link, err := os.Readlink(name)
			return errors.Join(err, os.Symlink(link, target))
		case e.Type().IsRegular():
			return c.file(name, target)
		}
		return nil
	}
}

func (c *testdataCopy) file(name, target string) error {
	data, info, err := c.from.read(name)
	var left *leftOutError
	if errors.As(err, &left) {
		c.leftOut = append(c.leftOut, manifest.LeftOut{Path: name, Reason: left.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	if err := writeWhole(target, data); err != nil || info.Mode()&0o111 == 0 {
		return err
	}
	return os.Chmod(target, dirMode)
}
