package shim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// build is an edited call on its way to be run and recorded.
type build struct {
	step      Step
	mode      mode
	toolchain toolchain
	call      call
	rewrite   rewrite
	facts     facts
	env       environ

	// before is the command line as the user's step gave it.
	before []string

	// dir is the folder in which go runs, after -C.
	dir string
}

// run builds, and records what was built. It returns the exit code of the real
// go, whatever becomes of the record.
func (b build) run(ctx context.Context) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var dirErr error
	if b.dir, dirErr = workingDir(b.call.chdir); dirErr != nil {
		// The real go says what is wrong with it.
		return b.step.exec(b.toolchain, b.rewrite.args, b.env)
	}
	made := b.goAhead(b.listEarly(ctx))
	code := b.step.runChild(b.toolchain, b.rewrite.args, b.env)
	if code != 0 {
		cancel()
		made.wait()
		_ = made.discard() // the build has failed, which is what counts
		b.explainFailure()
		return code
	}
	made.wait()
	if err := errors.Join(b.record(ctx, made), made.discard()); err != nil {
		b.recordError(err)
	}
	return 0
}

// workingDir is os.Getwd of the real go, which changes to -C first.
func workingDir(chdir string) (string, error) {
	dir, err := os.Getwd()
	if err != nil || chdir == "" {
		return dir, err
	}
	if !filepath.IsAbs(chdir) {
		chdir = filepath.Join(dir, chdir)
	}
	return filepath.EvalSymlinks(chdir)
}

// list is the answer of go list.
type list struct {
	packages []goPackage
	err      error
}

// errListLater says that go list must wait for the build.
var errListLater = errors.New("not listed beside the build")

// listEarly starts go list beside the build. With -mod=mod it must wait: both would
// write go.mod and go.sum.
func (b build) listEarly(ctx context.Context) <-chan list {
	listed := make(chan list, 1)
	if b.call.versioned() || lastValue(b.rewrite.flags, "mod") == "mod" {
		listed <- list{err: errListLater}
		return listed
	}
	go func() {
		packages, err := b.runList(ctx, "", b.listEnviron(), b.listArgs())
		listed <- list{packages: packages, err: err}
	}()
	return listed
}

// packages returns what was compiled. An early list fails where modules or
// generated files were missing until the build was done; then another is made.
func (b build) packages(ctx context.Context, made *ahead) ([]goPackage, error) {
	if b.call.versioned() {
		return b.listVersioned(ctx)
	}
	if made.list.err == nil {
		return made.list.packages, nil
	}
	return b.runList(ctx, "", b.listEnviron(), b.listArgs("-e"))
}

// record writes the manifest and captures the sources. A call without programs,
// such as one that warms a cache, leaves no record.
func (b build) record(ctx context.Context, made *ahead) error {
	packages, err := b.packages(ctx, made)
	if err != nil {
		return err
	}
	programs := b.programs(packages)
	if len(programs) == 0 {
		return nil
	}
	sources, err := b.sources(packages)
	if err == nil {
		err = captureSources(filepath.Join(b.step.Capture, layout.CaptureSources), sources, made)
	}
	for i, program := range programs {
		if program.Output != "" {
			// Without one, where the output is no ELF file.
			programs[i].BuildID, _ = readBuildID(program.Output)
			programs[i].Symbols = b.symbols(programs[i].BuildID)
		}
	}
	return errors.Join(err, b.writeManifest(packages, programs, len(sources)))
}

func (b build) writeManifest(packages []goPackage, programs []Program, sources int) error {
	m := Manifest{
		GoVersion:     b.facts.GOVERSION,
		GOOS:          b.facts.GOOS,
		GOARCH:        b.facts.GOARCH,
		GOROOT:        b.facts.GOROOT,
		GOMODCACHE:    b.facts.GOMODCACHE,
		GOPATH:        b.facts.GOPATH,
		Dir:           b.dir,
		ArgsBefore:    b.before,
		ArgsAfter:     b.rewrite.args,
		GoflagsBefore: b.facts.GOFLAGS,
		GoflagsAfter:  b.rewrite.goflags,
		Mode:          string(b.mode),
		Trimpath:      b.mode != modeDebug && isOn(b.rewrite.flags, "trimpath"),
		Programs:      programs,
		Sources:       sources,
	}
	m.Module, m.ModuleDir = mainModule(packages)
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	if err := b.writeRecord(".json", append(data, '\n')); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return nil
}

// symbols is the file of a program's symbols in the capture, empty where none were
// kept.
func (b build) symbols(buildID string) string {
	file := symbolsFile(buildID)
	if info, err := os.Stat(filepath.Join(b.step.Capture, file)); file == "" || err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return file
}

// recordError leaves the reason why a record is missing or not whole beside it.
// Where that can't be written either, there is nobody to tell: the output is the
// build's.
func (b build) recordError(err error) {
	_ = b.writeRecord(".error", []byte(err.Error()+"\n"))
}

func (b build) writeRecord(suffix string, data []byte) error {
	dir := filepath.Join(b.step.Capture, layout.CaptureBuilds)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dir, b.id()+suffix), data); err != nil {
		return err
	}
	return settle(dir, b.step.Capture)
}

// id names the call: a hash of all that decides what it compiles and where to.
func (b build) id() string {
	key := append([]string{
		b.dir, b.facts.GOVERSION, b.facts.GOROOT, b.facts.GOOS, b.facts.GOARCH,
		b.facts.GOPATH, b.facts.GOBIN, b.facts.GOFLAGS,
	}, b.before...)
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
