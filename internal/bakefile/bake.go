package bakefile

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bake are bake files as they were read.
type Bake struct {
	Definition

	// Files are those with production targets, Asked the targets and groups to build.
	Files []File
	Asked []string

	named  bool // the files were
	buildx Buildx
	names  map[string]bool // of all targets and groups
}

// Read reads the named files, or those that buildx reads without a name, and the targets
// and groups that are asked for, or what buildx builds without a name.
func Read(ctx context.Context, names, asked []string, stdin io.Reader) (*Bake, error) {
	b := &Bake{named: len(names) > 0}
	var err error
	if b.Files, err = readFiles(names, stdin); err != nil {
		return nil, err
	}
	if b.buildx, err = FindBuildx(ctx); err != nil {
		return nil, err
	}
	d, err := b.buildx.print(ctx, b.Files, asked...)
	if err != nil {
		return nil, err
	}
	b.Definition = *d
	if b.Asked = d.asked(asked); len(b.Asked) == 0 {
		return nil, fmt.Errorf("%s has no target to build", b.Files[0].Name)
	}
	b.names = b.buildx.names(ctx, b.Files)
	return b, nil
}

// asked are the targets and groups that were asked for. Those of a pattern are known from
// the group that buildx makes of them.
func (d *Definition) asked(names []string) []string {
	if len(names) == 0 {
		return []string{"default"}
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.ContainsAny(name, "*?[") }) {
		if group, ok := d.Groups["default"]; ok {
			return group.Targets
		}
	}
	var list []string
	for _, name := range names {
		list = append(list, strings.ReplaceAll(name, ".", "_")) // as buildx does
	}
	return list
}

// FileArguments are the files as arguments of a command line that names them, none where
// they were not named.
func (b *Bake) FileArguments() []string {
	var args []string
	for _, f := range b.Files {
		switch {
		case !b.named:
		case IsFile(f.Name):
			args = append(args, f.Name)
		default:
			args = append(args, "-f", f.Name)
		}
	}
	return args
}

// Production are the targets that are asked for, by name.
func (b *Bake) Production() []*Target {
	var names []string
	for _, name := range b.Asked {
		names = append(names, b.leaves(name, map[string]bool{})...)
	}
	slices.Sort(names)
	var list []*Target
	for _, name := range slices.Compact(names) {
		if t, ok := b.Targets[name]; ok {
			list = append(list, t)
		}
	}
	return list
}
