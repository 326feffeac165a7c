// Package record leaves a record of a call of the go command: what it compiled and how,
// a copy of the sources, and the debug information of what production's linker strips.
package record

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// settled is how long a file must have been left alone to be copied ahead, and
// settledCoarsely where its file system seems to keep whole seconds. Each is longer than
// such a file system's clock ticks: a later change shows in the times. A step's context has
// been copied just before the step, so that most sources are young.
const (
	settled         = 100 * time.Millisecond
	settledCoarsely = 2 * time.Second
)

// Recording is a record in the making, from before its build on.
type Recording struct {
	build  Build
	cancel context.CancelFunc
	stop   chan struct{} // closed to leave the rest to the record
	done   chan struct{} // closed when nothing is at work any more
	once   sync.Once     // closes stop

	// packages are what is compiled, where isListed; an early list may fail.
	packages []goPackage
	isListed bool

	tests *tests // nil where none were asked for, or the call compiles no program

	from   origins
	now    func() time.Time
	folder string // of the copies, "" without any
	copies map[string]copied
}

// copied is a copy of a file, and what the file was before it was read.
type copied struct {
	file string
	of   os.FileInfo
}

// Begin makes ready beside the build what can be. The error says that no record can be
// made: there is no capture, or no folder to run in, which the real go says best.
func (b Build) Begin(ctx context.Context) (*Recording, error) {
	if !step.IsDir(b.Step.Capture) {
		return nil, errors.New("there is no capture")
	}
	var err error
	if b.dir, err = WorkingDir(b.Call.Chdir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Recording{build: b, cancel: cancel, now: time.Now, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.prepare(ctx)
	}()
	return r, nil
}

// prepare lists what is compiled and copies its sources. With -mod=mod that must wait:
// go list and the build would both write go.mod and go.sum.
func (r *Recording) prepare(ctx context.Context) {
	b := r.build
	if b.Call.Versioned() || b.Rewrite.Flags.Last("mod") == "mod" {
		return
	}
	// What goes wrong here does again for the record, which tells.
	packages, err := b.runList(ctx, "", b.listEnviron(), b.listArgs())
	if err != nil {
		return
	}
	r.packages, r.isListed = packages, true
	if !slices.ContainsFunc(packages, goPackage.isAsked) {
		return
	}
	sources, err := b.sources(packages)
	if err != nil {
		return
	}
	if r.from, err = originsOf(b.Step); err == nil {
		r.copyAll(sources)
	}
}

// isAsked tells whether the call names the package, and it is a program.
func (p goPackage) isAsked() bool { return p.Name == "main" && !p.DepOnly }

// finish leaves to the record what is not ready yet.
func (r *Recording) finish() {
	r.once.Do(func() { close(r.stop) })
	<-r.done
}

// Discard removes what was made ready: the build has failed, which is what counts.
func (r *Recording) Discard() {
	r.cancel()
	r.finish()
	_ = r.discard()
}

// Write records what was built. Where it cannot, it leaves the reason.
func (r *Recording) Write(ctx context.Context) {
	defer r.cancel()
	r.finish()
	if err := errors.Join(r.record(ctx), r.discard()); err != nil {
		r.build.recordError(err)
	}
}

// discard removes the copies that were not taken.
func (r *Recording) discard() error {
	if r.folder == "" {
		return nil
	}
	return os.RemoveAll(r.folder)
}

// listed returns what was compiled. An early list fails where modules or generated
// files were missing until the build was done; then another is made.
func (r *Recording) listed(ctx context.Context) ([]goPackage, error) {
	switch b := r.build; {
	case b.Call.Versioned():
		return b.listVersioned(ctx)
	case r.isListed:
		return r.packages, nil
	default:
		return b.runList(ctx, "", b.listEnviron(), b.listArgs("-e"))
	}
}

// copyAll copies files until it is stopped.
func (r *Recording) copyAll(sources []source) {
	select {
	case <-r.stop:
		return // the build was faster
	default:
	}
	folder, err := r.makeFolder()
	if err != nil {
		return
	}
	r.folder, r.copies = folder, make(map[string]copied, len(sources))
	for _, s := range sources {
		select {
		case <-r.stop:
			return
		default:
		}
		if c, ok := r.copyOf(s.content); ok {
			r.copies[s.content] = c
		}
	}
}

// makeFolder makes a folder for copies, on the mount that they stay on.
func (r *Recording) makeFolder() (string, error) {
	in := r.build.Step.Capture
	if root := sourcesFolder(r.build.Step); root == r.build.Step.Sources {
		in = root
	}
	return os.MkdirTemp(in, layout.TemporaryPrefix+"*")
}

func (r *Recording) copyOf(content string) (copied, bool) {
	if info, err := os.Stat(content); err != nil || !isSettled(info, r.now()) {
		return copied{}, false
	}
	data, before, err := r.from.read(content)
	if err != nil || !isSettled(before, r.now()) {
		return copied{}, false
	}
	file, err := writeTemp(r.folder, data)
	return copied{file: file, of: before}, err == nil
}

// isSettled tells whether a file has been left alone for long enough.
func isSettled(info os.FileInfo, now time.Time) bool {
	changed, long := changedAt(info), settled
	if changed.Nanosecond() == 0 {
		long = settledCoarsely
	}
	return now.Sub(changed) >= long
}

// place moves the copy of a file to target. It is false where there is none, where the
// file is another by now, or where an earlier call left one at target.
func (r *Recording) place(target, content string) bool {
	c, ok := r.copies[content]
	if !ok {
		return false
	}
	now, err := os.Stat(content)
	if err != nil || !os.SameFile(c.of, now) || c.of.Size() != now.Size() ||
		!c.of.ModTime().Equal(now.ModTime()) || !changedAt(c.of).Equal(changedAt(now)) {
		return false
	}
	if _, err := os.Lstat(target); err == nil || os.MkdirAll(filepath.Dir(target), dirMode) != nil {
		return false
	}
	return os.Rename(c.file, target) == nil
}

// changedAt is when a file was last changed in any way, which no program can set.
func changedAt(info os.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return time.Now()
}
