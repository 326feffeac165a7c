package shim

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/record"
	"github.com/dlvgen/dlvgen/internal/shim/toolchain"
)

// aheadMark names the variable that a go command gets which compiles ahead: what that
// calls must not wait for it.
const aheadMark = "DLVGEN_AHEAD"

// turnsLimit is how long a call waits for others that compile ahead. Then it compiles, too.
const turnsLimit = 10 * time.Minute

// ahead compiles what a call's programs import, before the call does, where it is new to
// the builder's cache mount: the standard library, then the packages of other modules. Of
// the calls that need the same, one does so at a time, and the others find the packages in
// the cache. Services that are built for the first time at the same time would all compile
// them otherwise. It holds no turn while anything of the user's runs, changes nothing but
// the cache, and says nothing: what fails here does so in the call.
type ahead struct {
	goCommand
	call    gocall.Call
	rewrite gocall.Rewrite
	facts   toolchain.Facts
	turns   toolchain.Turns
}

// compileAhead returns the exit code of a call that a signal has ended meanwhile; ended is
// false where the call is to be run.
func (g goCommand) compileAhead(ctx context.Context, call gocall.Call, r gocall.Rewrite, facts toolchain.Facts) (code int, ended bool) {
	if g.env.Get(aheadMark) != "" || g.env.Get("GOCACHE") != g.step.GoCache || call.Versioned() || r.Flags.Last("mod") == "mod" {
		return 0, false
	}
	turns, err := toolchain.TurnsOf(g.step)
	if err != nil {
		return 0, false
	}
	dir, err := record.WorkingDir(call.Chdir)
	if err != nil {
		return 0, false
	}
	name := strings.Join(append([]string{facts.Way(), r.Way(), call.Subcommand, dir, modulesAt(dir)}, call.Packages...), "\x00")
	if turns.Seen(name) {
		return 0, false
	}
	ending := []os.Signal{syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGINT) { // as in what a shell runs in the background
		ending = append(ending, syscall.SIGINT)
	}
	within, stop := signal.NotifyContext(ctx, ending...)
	defer stop()
	a := ahead{g, call, r, facts, turns}
	a.compile(within)
	if within.Err() != nil && ctx.Err() == nil {
		return 128 + int(syscall.SIGTERM), true // as a shell tells it
	}
	turns.MarkSeen(name)
	return 0, false
}

func (a ahead) compile(ctx context.Context) {
	build := record.Build{Step: a.step, Toolchain: a.toolchain, Call: a.call, Rewrite: a.rewrite, Facts: a.facts, Env: a.rewrite.Environ(a.env)}
	needs, err := build.Dependencies(ctx)
	if err != nil || needs.Profiled && a.rewrite.Mode != gocall.Debug {
		return
	}
	waiting, cancel := context.WithTimeout(ctx, turnsLimit)
	defer cancel()
	way, env := a.facts.Way()+"\x00"+a.rewrite.Way(), a.rewrite.Environ(a.env)
	a.inTurn(ctx, waiting, way, needs.Standard, withRoom(env))
	// Programs of one module need much the same of others; other programs do not wait.
	a.inTurn(ctx, waiting, way+"\x00"+modulesAt(needs.ModuleDir), needs.Modules, env)
}

// modulesAt is what the module of a folder says of itself and of those that it needs.
func modulesAt(dir string) string {
	for {
		module, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			sums, _ := os.ReadFile(filepath.Join(dir, "go.sum")) // where there are none, it needs no others
			return string(module) + "\x00" + string(sums)
		}
		if up := filepath.Dir(dir); up != dir {
			dir = up
			continue
		}
		return ""
	}
}

// inTurn compiles packages when no other call does so under that key.
func (a ahead) inTurn(ctx, waiting context.Context, key string, packages []string, env environ.Environ) {
	args, ok := a.call.Ahead(a.rewrite, packages)
	if !ok {
		return
	}
	end, err := a.turns.Take(waiting, key)
	if err != nil {
		return
	}
	defer end()
	a.step.Quietly(ctx, a.toolchain.Path, args, env.With(aheadMark, "yes"))
}

// withRoom has the compiler collect less garbage, which is an eighth of its time. What it
// takes of memory for the standard library is known: 190 MB for net/http, where that was 130.
// It could be too much for packages of any size.
func withRoom(env environ.Environ) environ.Environ {
	if env.Get("GOGC") != "" || env.Get("GOMEMLIMIT") != "" {
		return env
	}
	return env.With("GOGC", "400")
}
