package bake

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Stages returns the names of the stages of a Dockerfile, and of its build args, as far as
// they can be read without a builder: both are empty for a Dockerfile that is not a file of
// this machine, or has a mistake. context and file are those of [Options].
func Stages(context, file string) (stages, args []string) {
	if file == "" && IsFolder(context) {
		file = filepath.Join(context, lowercase(context, "Dockerfile"))
	}
	data, err := os.ReadFile(cmp.Or(file, "-"))
	if err != nil {
		return nil, nil
	}
	tree, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, nil
	}
	parsed, top, err := instructions.Parse(tree.AST, linter.New(&linter.Config{})) // which comments "# check=" need
	if err != nil {
		return nil, nil
	}
	add := func(arg *instructions.ArgCommand) {
		for _, one := range arg.Args {
			if !slices.Contains(args, one.Key) {
				args = append(args, one.Key)
			}
		}
	}
	for i := range top {
		add(&top[i])
	}
	for _, stage := range parsed {
		if stage.Name != "" {
			stages = append(stages, stage.Name)
		}
		for _, command := range stage.Commands {
			if arg, ok := command.(*instructions.ArgCommand); ok {
				add(arg)
			}
		}
	}
	return stages, args
}
