package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
	"github.com/dlvgen/dlvgen/internal/shim/toolchain"
)

// Build is an edited call of the go command, to be run and recorded.
type Build struct {
	Step      step.Step
	Toolchain toolchain.Toolchain
	Call      gocall.Call
	Rewrite   gocall.Rewrite
	Facts     toolchain.Facts
	Env       environ.Environ

	// Before is the command line as the user's step gave it.
	Before []string

	// dir is the folder in which go runs, after -C.
	dir string
}

// WorkingDir is os.Getwd of the real go, which changes to -C first.
func WorkingDir(chdir string) (string, error) {
	dir, err := os.Getwd()
	if err != nil || chdir == "" {
		return dir, err
	}
	if !filepath.IsAbs(chdir) {
		chdir = filepath.Join(dir, chdir)
	}
	return filepath.EvalSymlinks(chdir)
}

// record writes the manifest and captures the sources. A call without programs,
// such as one that warms a cache, leaves no record.
func (r *Recording) record(ctx context.Context) error {
	b := r.build
	packages, err := r.listed(ctx)
	if err != nil {
		return err
	}
	programs := b.programs(packages)
	if len(programs) == 0 {
		return nil
	}
	if r.tests != nil {
		packages = append(slices.Clip(packages), r.tests.packages...)
	}
	sources, leftOut, err := r.capture(packages)
	for i, program := range programs {
		if program.Output != "" {
			programs[i].BuildID = buildIDOf(program.Output)
			programs[i].Symbols = b.symbols(programs[i].BuildID)
		}
	}
	m := b.manifest(packages, programs)
	m.Sources, m.LeftOut = sources-len(leftOut), leftOut
	if r.tests != nil {
		m.Test, m.LeftOut = &r.tests.Test, append(m.LeftOut, r.tests.leftOut...)
	}
	return errors.Join(err, b.writeManifest(m))
}

// capture copies the sources of packages, and returns how many there are and which of
// them it left out.
func (r *Recording) capture(packages []goPackage) (sources int, leftOut []manifest.LeftOut, err error) {
	b := r.build
	from, err := originsOf(b.Step)
	if err != nil {
		return 0, nil, fmt.Errorf("capturing sources: %w", err)
	}
	list, err := b.sources(packages)
	if err != nil {
		return 0, nil, err
	}
	leftOut, err = captureSources(sourcesFolder(b.Step), list, from, r)
	return len(list), leftOut, err
}

func (b Build) manifest(packages []goPackage, programs []manifest.Program) manifest.Manifest {
	m := manifest.Manifest{
		GoVersion:     b.Facts.GOVERSION,
		GOOS:          b.Facts.GOOS,
		GOARCH:        b.Facts.GOARCH,
		GOROOT:        b.Facts.GOROOT,
		GOMODCACHE:    b.Facts.GOMODCACHE,
		GOPATH:        b.Facts.GOPATH,
		Dir:           b.dir,
		ArgsBefore:    gocall.RedactArgs(b.Before),
		ArgsAfter:     gocall.RedactArgs(b.Rewrite.Args),
		GoflagsBefore: gocall.RedactGoflags(b.Facts.GOFLAGS, b.Facts.Minor()),
		GoflagsAfter:  gocall.RedactGoflags(b.Rewrite.Goflags, b.Facts.Minor()),
		Mode:          string(b.Rewrite.Mode),
		Trimpath:      b.Rewrite.Mode != gocall.Debug && b.Rewrite.Flags.IsOn("trimpath"),
		Programs:      programs,
	}
	m.Module, m.ModuleDir = mainModule(packages)
	return m
}

func (b Build) writeManifest(m manifest.Manifest) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = b.writeRecord(b.id(m.Programs)+".json", append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return nil
}

// symbols is the file of a program's symbols in the capture, empty where none were
// kept.
func (b Build) symbols(buildID string) string {
	file := symbolsFile(buildID)
	if info, err := os.Stat(filepath.Join(ownFolder(b.Step), file)); file == "" || err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path.Join(userFolder(), file)
}

// recordError leaves the reason why a record is missing or not whole beside it.
// Where that can't be written either, there is nobody to tell: the output is the
// build's.
func (b Build) recordError(err error) {
	_ = b.writeRecord(b.id(nil)+".error", []byte(err.Error()+"\n"))
}

func (b Build) writeRecord(name string, data []byte) error {
	own := ownFolder(b.Step)
	dir := filepath.Join(own, layout.CaptureBuilds)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dir, name), data); err != nil {
		return err
	}
	return settle(dir, own)
}

// id names the call: a hash of all that decides what it compiles and where to. The
// build ids tell apart what differs in anything else, such as sources that a script
// changes between two calls.
func (b Build) id(programs []manifest.Program) string {
	key := append([]string{b.dir, gocall.RedactGoflags(b.Facts.GOFLAGS, b.Facts.Minor())}, gocall.RedactArgs(b.Before)...)
	for _, name := range slices.Sorted(maps.Keys(b.Facts.Settings)) {
		key = append(key, name+"="+b.Facts.Settings[name])
	}
	for _, p := range programs {
		key = append(key, p.ImportPath, p.BuildID)
	}
	hash := sha256.Sum256([]byte(strings.Join(key, "\x00")))
	return hex.EncodeToString(hash[:12])
}

// mainModule returns the path and folder of the module that a call was about:
// the main module, in a workspace the one of the first package named.
func mainModule(packages []goPackage) (path, dir string) {
	var found *goModule
	for _, p := range packages {
		switch {
		case p.Module == nil || p.Standard:
		case !p.DepOnly && p.Module.Main:
			return p.Module.Path, p.Module.Dir
		case found == nil && (p.Module.Main || !p.DepOnly):
			found = p.Module
		}
	}
	if found == nil {
		return "", ""
	}
	return found.Path, found.Dir
}
