package shim

import (
	"os"
	"slices"
	"syscall"
	"time"
)

// settled is how long a file must have been left alone to be copied ahead. It is
// longer than any file system's clock ticks: a later change shows in its times.
const settled = 2 * time.Second

// ahead is what is made ready for the record beside the build.
type ahead struct {
	capture string // the folder of the step's captures
	from    origins
	stop    chan struct{} // closed to leave the rest to the record
	done    chan struct{} // closed when nothing is at work any more
	list    list

	folder string // of the copies, "" without any
	copies map[string]copied
}

// copied is a copy of a file, and what the file was before it was read.
type copied struct {
	file string
	of   os.FileInfo
}

// goAhead waits for the answer of go list and copies the sources that it names.
func (b build) goAhead(listed <-chan list) *ahead {
	a := &ahead{capture: b.step.Capture, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		if a.list = <-listed; a.list.err != nil || !slices.ContainsFunc(a.list.packages, goPackage.isAsked) {
			return
		}
		// What goes wrong here does again for the record, which tells.
		sources, err := b.sources(a.list.packages)
		if err != nil {
			return
		}
		if a.from, err = b.step.origins(); err == nil {
			a.copyAll(sources)
		}
	}()
	return a
}

// isAsked tells whether the call names the package, and it is a program.
func (p goPackage) isAsked() bool { return p.Name == "main" && !p.DepOnly }

// wait ends the copying. From then on there is the answer of go list.
func (a *ahead) wait() {
	close(a.stop)
	<-a.done
}

// discard removes the copies that were not taken. It comes after wait.
func (a *ahead) discard() error {
	if a.folder == "" {
		return nil
	}
	return os.RemoveAll(a.folder)
}

// copyAll copies files until it is stopped.
func (a *ahead) copyAll(sources []source) {
	select {
	case <-a.stop:
		return // the build was faster
	default:
	}
	folder, err := os.MkdirTemp(a.capture, ".dlvgen-*")
	if err != nil {
		return
	}
	a.folder, a.copies = folder, make(map[string]copied, len(sources))
	for _, s := range sources {
		select {
		case <-a.stop:
			return
		default:
		}
		if c, ok := copyOf(folder, s.content, a.from); ok {
			a.copies[s.content] = c
		}
	}
}

func copyOf(folder, content string, from origins) (copied, bool) {
	isFresh := func(info os.FileInfo) bool { return time.Since(changedAt(info)) < settled }
	if info, err := os.Stat(content); err != nil || isFresh(info) {
		return copied{}, false
	}
	data, before, err := from.read(content)
	if err != nil || isFresh(before) {
		return copied{}, false
	}
	file, err := writeTemp(folder, data)
	return copied{file: file, of: before}, err == nil
}

// has tells whether there is a copy of a file.
func (a *ahead) has(content string) bool {
	_, ok := a.copies[content]
	return ok
}

// place moves the copy of a file to target. It is false where there is none, where the
// file is another by now, or where an earlier call left one at target.
func (a *ahead) place(target, content string) bool {
	c, ok := a.copies[content]
	if !ok {
		return false
	}
	now, err := os.Stat(content)
	if err != nil || !os.SameFile(c.of, now) || c.of.Size() != now.Size() ||
		!c.of.ModTime().Equal(now.ModTime()) || !changedAt(c.of).Equal(changedAt(now)) {
		return false
	}
	if _, err := os.Lstat(target); err == nil {
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
