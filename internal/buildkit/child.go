package buildkit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

const (
	// socketLimit is the longest path of a Unix socket: sun_path has 108 bytes, one
	// of them the ending NUL (man 7 unix).
	socketLimit = 107

	// answersTimeout bounds the wait for an answer of the child.
	answersTimeout = 20 * time.Second

	// freeTimeout bounds the wait for a child that is in use with other settings.
	freeTimeout = 10 * time.Minute

	// turnTimeout bounds the wait for other calls that start or stop the child.
	turnTimeout = 2 * time.Minute

	// stopTimeout is how long a child may take to end before it is killed.
	stopTimeout = 10 * time.Second
)

// UserConfigEnv names a buildkitd.toml whose keys are laid over the child's
// configuration. Its default is dlvgen/buildkitd.toml in the user's configuration
// folder ($XDG_CONFIG_HOME or ~/.config), where that file exists.
const UserConfigEnv = "DLVGEN_BUILDKITD_CONFIG"

// Child is the buildkitd that dlvgen starts for itself. Its files lie in one folder;
// calls from several processes exclude each other by a lock there while they start or
// stop it, and hold another lock as long as they use it.
type Child struct {
	dir        string // $XDG_CACHE_HOME/dlvgen/buildkit
	socket     string
	userConfig string // "" where there is none
	besides    string // the folder of the dlvgen program

	// How long to wait for an answer of the child, for one that is in use with other
	// settings, and for another dlvgen that starts or stops it.
	answers, free, turn time.Duration

	// young is the age until which a child may lack its socket.
	young time.Duration
}

// launch is what a child is started from. A running child whose launch differs
// from what would be started now is out of date.
type launch struct {
	Binary  string    `json:"binary"`
	ModTime time.Time `json:"modTime"`
	Config  string    `json:"config"` // digest of the configuration
}

func (l launch) equal(o launch) bool {
	return l.Binary == o.Binary && l.ModTime.Equal(o.ModTime) && l.Config == o.Config
}

// NewChild finds the places of the child: state and log under
// $XDG_CACHE_HOME/dlvgen/buildkit (default ~/.cache), the socket under
// $XDG_RUNTIME_DIR/dlvgen, or with the state where that is not set. Nothing is
// started or created.
func NewChild() (*Child, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("finding a folder for BuildKit's state: %w: set HOME or XDG_CACHE_HOME", err)
	}
	c := &Child{dir: filepath.Join(cache, "dlvgen", "buildkit"), answers: answersTimeout, free: freeTimeout, turn: turnTimeout, young: answersTimeout}
	c.socket = filepath.Join(c.dir, "buildkitd.sock")
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		// One user may have several cache folders, but has one runtime folder.
		sum := sha256.Sum256([]byte(c.dir))
		c.socket = filepath.Join(run, "dlvgen", "buildkitd-"+hex.EncodeToString(sum[:4])+".sock")
	}
	if len(c.socket) > socketLimit {
		return nil, fmt.Errorf("the socket path %s is too long (%d bytes, the limit is %d): set XDG_RUNTIME_DIR to a shorter path",
			c.socket, len(c.socket), socketLimit)
	}
	if c.userConfig, err = findUserConfig(); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the dlvgen program: %w", err)
	}
	if resolved, err := filepath.EvalSymlinks(self); err == nil {
		self = resolved
	}
	c.besides = filepath.Dir(self)
	return c, nil
}

func findUserConfig() (string, error) {
	if path := os.Getenv(UserConfigEnv); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("reading %s: %w: correct the variable or unset it", UserConfigEnv, err)
		}
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		// No home folder: then there is no such file either.
		return "", nil
	}
	path := filepath.Join(dir, "dlvgen", "buildkitd.toml")
	if _, err := os.Stat(path); err != nil {
		return "", nil
	}
	return path, nil
}

// Addr is the child's address, whether it runs or not.
func (c *Child) Addr() string { return "unix://" + c.socket }

// Root is the folder of the child's store.
func (c *Child) Root() string { return filepath.Join(c.dir, "root") }

// LogFile is where the child writes its log. A start begins it anew.
func (c *Child) LogFile() string { return filepath.Join(c.dir, "buildkitd.log") }

func (c *Child) configFile() string { return filepath.Join(c.dir, "buildkitd.toml") }

// lock waits until no other process starts or stops the child. A child that is being
// started holds the lock too until its program runs, whatever becomes of its parent
// meanwhile: so who has the lock sees every child.
func (c *Child) lock(ctx context.Context) (unlock func(), err error) {
	// The folder holds secrets of builds: cache mounts, contexts.
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder of BuildKit's state: %w", err)
	}
	l := flock.New(filepath.Join(c.dir, "lock"))
	waiting, cancel := context.WithTimeout(ctx, c.turn)
	defer cancel()
	_, err = l.TryLockContext(waiting, 20*time.Millisecond)
	switch {
	case err == nil:
		return func() { _ = l.Unlock() }, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case waiting.Err() != nil:
		return nil, fmt.Errorf("another dlvgen has been starting or stopping BuildKit for %s and holds %s: stop it and try again", c.turn, l.Path())
	}
	return nil, fmt.Errorf("locking BuildKit's state: %w", err)
}

// use is the lock of those who use the child: shared by them, and held alone by who
// replaces it. Take it while you have the other lock only.
func (c *Child) use() *flock.Flock { return flock.New(filepath.Join(c.dir, "use")) }

// Status is what `dlvgen buildkit status` tells.
type Status struct {
	Running bool      `json:"running"`
	PID     int       `json:"pid,omitempty"`
	Addr    string    `json:"addr"`
	Version string    `json:"version,omitempty"`
	Binary  string    `json:"binary,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Root    string    `json:"root"`
	Log     string    `json:"log"`
}

// StartError says that the child did not start or does not answer.
type StartError struct {
	line string
	err  error
	log  string
}

func (c *Child) startError(line string, err error) error {
	return &StartError{line: line, err: err, log: tail(c.LogFile(), 15)}
}

// Error is one line: what failed and what to do.
func (e *StartError) Error() string { return e.line }

// Unwrap returns the cause, nil where the child ended by itself.
func (e *StartError) Unwrap() error { return e.err }

// Details are the last lines of the child's log and the cause.
func (e *StartError) Details() string {
	var b strings.Builder
	if e.log != "" {
		fmt.Fprintf(&b, "The last lines of its log:\n%s", e.log)
	}
	if e.err != nil {
		fmt.Fprintf(&b, "cause: %v\n", e.err)
	}
	return b.String()
}

// tail returns the last n lines of a log, without stack traces, and "" where it
// can't be read.
func tail(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "\t") {
			lines = append(lines, line)
			continue
		}
		// A frame: this line is its place, the one before its function.
		lines = lines[:max(0, len(lines)-1)]
	}
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
