package shim

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
	sources, leftOut, err := b.capture(packages, made)
	for i, program := range programs {
		if program.Output != "" {
			// Without one, where the output is no ELF file.
			programs[i].BuildID, _ = readBuildID(program.Output)
			programs[i].Symbols = b.symbols(programs[i].BuildID)
		}
	}
	m := b.manifest(packages, programs)
	m.Sources, m.LeftOut = sources-len(leftOut), leftOut
	return errors.Join(err, b.writeManifest(m))
}

// capture copies the sources of packages, and returns how many there are and which of
// them it left out.
func (b build) capture(packages []goPackage, made *ahead) (sources int, leftOut []LeftOut, err error) {
	from, err := b.step.origins()
	if err != nil {
		return 0, nil, fmt.Errorf("capturing sources: %w", err)
	}
	list, err := b.sources(packages)
	if err != nil {
		return 0, nil, err
	}
	leftOut, err = captureSources(filepath.Join(b.step.ownCapture(), layout.CaptureSources), list, from, made)
	return len(list), leftOut, err
}

func (b build) manifest(packages []goPackage, programs []Program) Manifest {
	m := Manifest{
		GoVersion:     b.facts.GOVERSION,
		GOOS:          b.facts.GOOS,
		GOARCH:        b.facts.GOARCH,
		GOROOT:        b.facts.GOROOT,
		GOMODCACHE:    b.facts.GOMODCACHE,
		GOPATH:        b.facts.GOPATH,
		Dir:           b.dir,
		ArgsBefore:    RedactArgs(b.before),
		ArgsAfter:     RedactArgs(b.rewrite.args),
		GoflagsBefore: redactGoflags(b.facts.GOFLAGS, b.facts.minor()),
		GoflagsAfter:  redactGoflags(b.rewrite.goflags, b.facts.minor()),
		Mode:          string(b.mode),
		Trimpath:      b.mode != modeDebug && isOn(b.rewrite.flags, "trimpath"),
		Programs:      programs,
	}
	m.Module, m.ModuleDir = mainModule(packages)
	return m
}

func (b build) writeManifest(m Manifest) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	if err := b.writeRecord(b.id(m.Programs)+".json", append(data, '\n')); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return nil
}

// symbols is the file of a program's symbols in the capture, empty where none were
// kept.
func (b build) symbols(buildID string) string {
	file := symbolsFile(buildID)
	if info, err := os.Stat(filepath.Join(b.step.ownCapture(), file)); file == "" || err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path.Join(userFolder(), file)
}

// recordError leaves the reason why a record is missing or not whole beside it.
// Where that can't be written either, there is nobody to tell: the output is the
// build's.
func (b build) recordError(err error) {
	_ = b.writeRecord(b.id(nil)+".error", []byte(err.Error()+"\n"))
}

func (b build) writeRecord(name string, data []byte) error {
	own := b.step.ownCapture()
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
func (b build) id(programs []Program) string {
	key := append([]string{b.dir, redactGoflags(b.facts.GOFLAGS, b.facts.minor())}, RedactArgs(b.before)...)
	for _, name := range slices.Sorted(maps.Keys(b.facts.settings)) {
		key = append(key, name+"="+b.facts.settings[name])
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
