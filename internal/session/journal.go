package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/gofrs/flock"
)

// label marks the containers of sessions, with the session's id.
const label = "io.github.dlvgen.session"

// Journals is a folder with a file for each session that has begun and not ended: what there
// is to undo. The file is locked as long as its session lives, so that the next one finds what
// one has left that was killed. Nothing else counts: a label may come from an image.
type Journals string

// UserJournals is the user's own folder.
func UserJournals() Journals {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("dlvgen-%d", os.Getuid()))
	}
	return Journals(filepath.Join(cache, "dlvgen", "debug"))
}

// journal is the file of one session.
type journal struct {
	file string
	lock *flock.Flock

	// ID is the session's, and its containers' label.
	ID string

	// Engine is the address of the Docker Engine, empty for a session with a pod. That has
	// the address of the API of its cluster, and the port that its debugger listens at.
	Engine, Cluster, Namespace, Pod, PodUID string
	Port, Attempt                           int

	// Target is the name of what is debugged.
	Target string

	// Container is the name of the debugger's container.
	Container string

	// Original is the id of the container that was replaced, empty for none, Name its name, Aside
	// that which it has meanwhile, and Ran says that it ran.
	Original, Name, Aside string
	Ran                   bool
}

// open begins a journal, and fills in its id.
func (j Journals) open(entry journal) (*journal, error) {
	entry.ID = strings.ToLower(rand.Text())
	entry.file = filepath.Join(string(j), entry.ID+".json")
	fail := func(err error) (*journal, error) {
		return nil, fmt.Errorf("noting what the session has to undo: %w", err)
	}
	if err := os.MkdirAll(string(j), 0o700); err != nil {
		return fail(err)
	}
	entry.lock = flock.New(entry.file + ".lock")
	if err := entry.lock.Lock(); err != nil {
		return fail(err)
	}
	return &entry, nil
}

// write keeps the journal, before what it says is done.
func (e *journal) write() error {
	data, err := json.Marshal(e)
	if err == nil {
		err = os.WriteFile(e.file, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("noting what the session has to undo: %w", err)
	}
	return nil
}

// close removes the journal: everything is undone.
func (e *journal) close() {
	_ = os.Remove(e.file)
	_ = e.lock.Unlock()
	_ = os.Remove(e.lock.Path())
}

// place is where sessions run, which undoes what is left there.
type place interface {
	has(*journal) bool
	undo(context.Context, *journal) error
}

// Sweep undoes what sessions with an engine have left that were killed. It tells what it does.
func (j Journals) Sweep(ctx context.Context, e *docker.Engine, tell func(string)) error {
	return j.sweep(ctx, engine{e}, tell)
}

// SweepCluster does the same for sessions with pods of a cluster.
func (j Journals) SweepCluster(ctx context.Context, c *cluster.Cluster, tell func(string)) error {
	return j.sweep(ctx, pods{c}, tell)
}

// engine is a Docker Engine as a [place].
type engine struct{ *docker.Engine }

func (e engine) has(entry *journal) bool {
	return entry.Cluster == "" && entry.Engine == e.DaemonHost()
}

func (e engine) undo(ctx context.Context, entry *journal) error { return entry.undo(ctx, e.Engine) }

func (j Journals) sweep(ctx context.Context, at place, tell func(string)) error {
	files, err := filepath.Glob(filepath.Join(string(j), "*.json"))
	if err != nil {
		return err
	}
	var failed []error
	for _, file := range files {
		if err := sweepOne(ctx, at, file, tell); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func sweepOne(ctx context.Context, at place, file string, tell func(string)) error {
	entry := &journal{file: file, lock: flock.New(file + ".lock")}
	if free, err := entry.lock.TryLock(); err != nil || !free {
		return nil // it lives, or is another user's
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		entry.close()
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, entry)
	}
	if err != nil { // killed while it was written: nothing was done yet
		entry.close()
		return nil
	}
	if !at.has(entry) {
		_ = entry.lock.Unlock()
		return nil
	}
	tell(fmt.Sprintf("a session with %s was killed: undoing what it has left", entry.Target))
	if err := at.undo(ctx, entry); err != nil {
		_ = entry.lock.Unlock()
		return fmt.Errorf("undoing what a session with %s has left: %w", entry.Target, err)
	}
	entry.close()
	return nil
}

// own is the container of a name if it is of this session.
func (e *journal) own(ctx context.Context, engine *docker.Engine, name string) (id string, err error) {
	if name == "" {
		return "", nil
	}
	seen, has, err := engine.Container(ctx, name)
	if err != nil || !has || seen.Container.Config == nil || seen.Container.Config.Labels[label] != e.ID {
		return "", err
	}
	return seen.Container.ID, nil
}

// undo ends the debugger's container, and puts the original back in its place, from whatever
// point that was reached.
func (e *journal) undo(ctx context.Context, engine *docker.Engine) error {
	id, err := e.own(ctx, engine, e.Container)
	if err == nil && id == "" {
		id, err = e.own(ctx, engine, e.Name)
	}
	if err != nil {
		return err
	}
	if id != "" {
		if err := engine.StopContainer(ctx, id, stopWithin); err != nil {
			return err
		}
		if err := engine.RemoveContainer(ctx, id); err != nil {
			return err
		}
	}
	if e.Original == "" {
		return nil
	}
	return e.restore(ctx, engine)
}

// restore gives the original its name, and starts it if it ran.
func (e *journal) restore(ctx context.Context, engine *docker.Engine) error {
	seen, has, err := engine.Container(ctx, e.Original)
	if err != nil {
		return err
	}
	if !has {
		return fmt.Errorf("the container %s (%.12s), which was replaced, is no more: somebody removed it", e.Name, e.Original)
	}
	if docker.NameOf(seen) != e.Name {
		if err := engine.Rename(ctx, e.Original, e.Name); err != nil {
			return fmt.Errorf("%w: rename the container %s yourself", err, e.Aside)
		}
	}
	if e.Ran && (seen.Container.State == nil || !seen.Container.State.Running) {
		return engine.StartContainer(ctx, e.Original)
	}
	return nil
}
