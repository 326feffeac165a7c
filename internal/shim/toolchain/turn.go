package toolchain

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// Turns are locks in a build cache, which the steps of a builder share. Go has none: two go
// commands that miss the same package both compile it.
type Turns struct{ folder string }

// seenLimit is how long a call counts as seen: the go command deletes what nobody has used
// for five days (cmd/go/internal/cache, Trim).
const seenLimit = 4 * 24 * time.Hour

// TurnsOf are those of the step's cache mount. Steps of every user may write there.
func TurnsOf(s step.Step) (Turns, error) {
	t := Turns{filepath.Join(s.GoCache, "dlvgen")}
	if err := os.Mkdir(t.folder, 0o777); err != nil {
		if !step.IsDir(t.folder) {
			return Turns{}, fmt.Errorf("making a folder for locks: %w", err)
		}
		return t, nil
	}
	return t, os.Chmod(t.folder, 0o777) // whatever the umask
}

// Take waits until nobody else has the turn of that key. A turn ends with its process too, in
// whatever way. The error says that there is none to be had, or that ctx is done.
func (t Turns) Take(ctx context.Context, key string) (end func(), err error) {
	f, err := os.OpenFile(t.file("turn", key), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("taking a turn: %w", err)
	}
	taken := make(chan error)
	go func() {
		err := lock(f)
		select {
		case taken <- err:
		case <-ctx.Done():
			f.Close() // not before: the number of a closed file may be another's
		}
	}()
	select {
	case err := <-taken:
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("taking a turn: %w", err)
		}
		return func() { f.Close() }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lock waits for the lock of a file.
func lock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// Seen tells whether a call was marked as seen, not long ago.
func (t Turns) Seen(call string) bool {
	info, err := os.Stat(t.file("seen", call))
	return err == nil && time.Since(info.ModTime()) < seenLimit
}

// MarkSeen marks a call. Where it cannot, the call is taken for new again.
func (t Turns) MarkSeen(call string) {
	file := t.file("seen", call)
	_ = os.Remove(file) // another user's, perhaps
	if f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o644); err == nil {
		_ = f.Close()
	}
}

func (t Turns) file(kind, key string) string {
	hash := sha256.Sum256([]byte(key))
	return filepath.Join(t.folder, kind+"-"+hex.EncodeToString(hash[:12]))
}

// Way names what decides, besides the flags of a call, how the standard library is compiled.
func (f Facts) Way() string {
	return strings.Join([]string{f.GOVERSION, f.GOOS, f.GOARCH, f.Settings["CGO_ENABLED"], f.Settings["GOEXPERIMENT"]}, "\x00")
}
