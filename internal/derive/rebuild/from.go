package rebuild

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"golang.org/x/mod/semver"
)

// from is what a ready-made program is compiled from: a folder of the build
// context, or the module proxy.
type from struct {
	kind variants.Rebuild // RebuildContext, RebuildModule or RebuildGit
	dir  string           // of the module in the context, or in the repository
}

// choose decides what a program can be compiled from. The error says why from
// nothing, on one line that reads on after a colon.
func choose(asked variants.Rebuild, info *debug.BuildInfo, tree *buildContext) (from, error) {
	if err := llbgen.CheckRebuild(info); err != nil {
		return from{}, err
	}
	if m := tree.module(info.Main.Path); m != nil && asked != variants.RebuildModule {
		return from{kind: variants.RebuildContext, dir: m.dir}, nil
	}
	if released(info.Main.Version) && asked != variants.RebuildContext {
		return from{kind: variants.RebuildModule}, nil
	}
	lacks, unversioned := tree.lacks(info.Main.Path), unreleased(info.Main.Version)
	switch asked {
	case variants.RebuildContext:
		return from{}, fmt.Errorf("%s", lacks)
	case variants.RebuildModule:
		return from{}, fmt.Errorf("%s", unversioned)
	}
	return from{}, fmt.Errorf("%s, and %s", lacks, unversioned)
}

// unreleased says why a version cannot be downloaded.
func unreleased(version string) string {
	if version == "" {
		return "its build information names no version of the module"
	}
	return version + " is no version that the Go module proxy could have"
}

// released tells whether a version is one that a module proxy can have: a release or a
// commit, not what a working folder was at.
func released(version string) bool {
	return semver.IsValid(version) && semver.Canonical(version)+semver.Build(version) == version &&
		(semver.Build(version) == "" || semver.Build(version) == "+incompatible")
}

// advice says what to do with a ready-made program that cannot be debugged.
func advice(info *debug.BuildInfo, tree *buildContext) string {
	f, err := choose(variants.RebuildAuto, info, tree)
	switch {
	case err != nil:
		return fmt.Sprintf("compile it in the Dockerfile (--rebuild cannot: %v)", err)
	case f.kind == variants.RebuildContext:
		return fmt.Sprintf("add --rebuild to compile it from %s", f.place(info, tree.name))
	}
	return fmt.Sprintf("add --rebuild to compile it from %s, or compile it in the Dockerfile", f.place(info, tree.name))
}

// place names what the program is compiled from; tree is what has the sources otherwise.
func (f from) place(info *debug.BuildInfo, tree string) string {
	switch {
	case f.kind == variants.RebuildModule:
		return fmt.Sprintf("the Go module proxy's %s@%s", info.Main.Path, info.Main.Version)
	case f.dir == ".":
		return tree + ", which has its module"
	}
	return fmt.Sprintf("the folder %s of %s, which has its module", f.dir, tree)
}

// differences are what a program that is compiled from the context may differ in from
// production's, as far as that can be told ahead.
func (f from) differences(info *debug.BuildInfo, tree *buildContext) []string {
	var list []string
	revision := llbgen.Setting(info, "vcs.revision")
	if f.kind == variants.RebuildContext && revision != "" && tree.revision != "" && revision != tree.revision {
		list = append(list, fmt.Sprintf("production's was compiled from commit %s, and the build context is at %s", short(revision), short(tree.revision)))
	}
	if llbgen.Setting(info, "vcs.modified") == "true" {
		list = append(list, fmt.Sprintf("production's was compiled from commit %s with changes that were not committed", short(revision)))
	}
	return list
}

// changedModules says which modules two builds of a program differ in.
func changedModules(before, after *debug.BuildInfo) string {
	versions := map[string]string{}
	for _, m := range after.Deps {
		versions[m.Path] = replacement(m).Version
	}
	var changed []string
	for _, m := range before.Deps {
		switch is, ok := versions[m.Path]; {
		case !ok:
			changed = append(changed, m.Path+" is gone")
		case is != replacement(m).Version:
			changed = append(changed, fmt.Sprintf("%s is %s and was %s", m.Path, is, replacement(m).Version))
		}
		delete(versions, m.Path)
	}
	added := len(versions)
	const most = 3
	if more := len(changed) - most; more > 0 {
		changed = append(changed[:most], fmt.Sprintf("%d more changed", more))
	}
	if added > 0 {
		changed = append(changed, fmt.Sprintf("%d are new", added))
	}
	return strings.Join(changed, ", ")
}

func replacement(m *debug.Module) *debug.Module {
	if m.Replace != nil {
		return m.Replace
	}
	return m
}

// short is a commit's name as git shortens it.
func short(revision string) string { return revision[:min(len(revision), 12)] }
