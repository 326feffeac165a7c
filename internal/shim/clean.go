package shim

import (
	"context"
	"slices"
)

// cleanBools are the flags of go clean that choose what it removes instead of a
// package's files.
var cleanBools = names("cache fuzzcache testcache")

// cleanCall handles `go clean -modcache` in a step where the module cache is a
// mount of ours. The real go removes the folder itself, which fails on a mount point, and
// the step with it; in production, where there is no mount, it succeeds. So the
// flag is left out: args are what remains to be run, and done says that nothing
// does. Both are zero for every other call.
func (s Step) cleanCall(ctx context.Context, tc toolchain, env environ, words []string) (args []string, done bool) {
	chdir, rest, ok := cutChdir(words)
	if !ok || len(rest) == 0 || rest[0] != "clean" {
		return nil, false
	}
	at := slices.IndexFunc(rest, isModcacheFlag)
	if at < 0 {
		return nil, false
	}
	f, err := s.readFacts(ctx, tc, chdir, env)
	if err != nil {
		return nil, false
	}
	mounts, err := s.readStepPoints()
	if err != nil || !mounts.isOwn(f.GOMODCACHE) {
		return nil, false
	}
	left := slices.DeleteFunc(slices.Clone(words), isModcacheFlag)
	// Without a word on what to remove, go clean removes the package's files.
	for _, word := range rest[1:] {
		name, _, _, isFlag := cutFlag(word)
		if cleanBools[name] || !isFlag {
			return left, false
		}
	}
	return nil, true
}

func isModcacheFlag(word string) bool {
	name, value, hasValue, ok := cutFlag(word)
	return ok && name == "modcache" && flag{name: name, value: value, hasValue: hasValue}.on()
}
