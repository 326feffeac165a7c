package llbgen

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// LooksAtSize tells whether a vertex of the new definition is a step that is compiled
// or comes after a compile, and that looks at the size of a file.
func (i *Instrumented) LooksAtSize(vertex digest.Digest) bool {
	vertices, err := decode(i.Definition)
	if err != nil {
		return false
	}
	after := map[string]bool{}
	for _, s := range i.Steps {
		after[string(s.Vertex)] = true
	}
	for _, v := range vertices {
		if slices.ContainsFunc(v.op.Inputs, func(in *pb.Input) bool { return after[in.Digest] }) {
			after[string(v.digest)] = true
		}
		if v.digest == vertex {
			return after[string(v.digest)] && v.op.GetExec().GetMeta() != nil && looksAtSize(v.op.GetExec().Meta.Args)
		}
	}
	return false
}

// looksAtSize tells whether a step runs a command that tells sizes.
func looksAtSize(args []string) bool {
	commands, ok := shellCommands(args)
	if !ok {
		commands = []command{{words: args}}
	}
	return slices.ContainsFunc(commands, func(c command) bool {
		words := c.unwrapped()
		if len(words) == 0 {
			return false
		}
		has := func(options ...string) bool {
			return slices.ContainsFunc(words[1:], func(w string) bool { return slices.Contains(options, w) })
		}
		switch path.Base(words[0]) {
		case "stat", "du":
			return true
		case "wc":
			return has("-c", "--bytes")
		case "find":
			return has("-size")
		case "ls":
			return slices.ContainsFunc(words[1:], func(w string) bool {
				return len(w) > 1 && w[0] == '-' && w[1] != '-' && strings.ContainsAny(w, "ls")
			})
		}
		return false
	})
}
