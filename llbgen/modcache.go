package llbgen

import (
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/moby/buildkit/solver/pb"
)

// keepModules takes the persistent module cache from the steps whose own one somebody
// may read afterwards: what they download has to be in their file system then, as in
// production.
func (in *instrumenter) keepModules() {
	if in.opts.NoGoCache {
		return
	}
	read := map[modCache][]bool{}
	kept := false
	for i, v := range in.vertices {
		folder := in.toolchains[i].ModCache
		if folder == "" || hides(v.op.GetExec(), folder) {
			continue
		}
		c := modCache{folder, v.op.GetExec().Meta.User}
		if read[c] == nil {
			read[c] = in.readers(c)
		}
		in.keeps[i] = read[c][i] || in.scripts[i].names(folder, v.op.GetExec().Meta.Cwd)
		kept = kept || in.keeps[i]
	}
	if kept {
		in.lookAll()
	}
}

// modCache is a module cache in a step's file system, and whose it is.
type modCache struct {
	folder, user string
}

// readers says of which vertices the cache may be read in the file system that they
// leave, by a later step, by a copy out of it or in the result.
func (in *instrumenter) readers(c modCache) []bool {
	read := make([]bool, len(in.vertices))
	for i, v := range slices.Backward(in.vertices) {
		for n, at := range v.inputs {
			read[at] = read[at] || in.readsInput(c, i, int64(n), read[i])
		}
	}
	return read
}

// readsInput tells whether vertex i may read the cache in its input n. After says
// whether somebody reads it in what the vertex leaves.
func (in *instrumenter) readsInput(c modCache, i int, n int64, after bool) bool {
	v := in.vertices[i]
	switch op := v.op.Op.(type) {
	case *pb.Op_Exec:
		return slices.ContainsFunc(op.Exec.Mounts, func(m *pb.Mount) bool {
			return m != nil && m.Input == n && (m.Dest == pb.RootMount && after || in.stepReads(c, i, m))
		})
	case *pb.Op_File:
		return slices.ContainsFunc(op.File.Actions, func(a *pb.FileAction) bool {
			from := a.GetCopy()
			// A file system that the op itself has made may go on from this one.
			copies := from != nil && (a.SecondaryInput == n || a.SecondaryInput >= int64(len(v.inputs))) && meets(from.Src, c.folder)
			return copies || a.Input == n && after
		})
	case *pb.Op_Merge, *pb.Op_Diff:
		return after
	}
	return true // the result, or an op of a newer BuildKit
}

// stepReads tells whether step i may read the cache by way of a mount.
func (in *instrumenter) stepReads(c modCache, i int, m *pb.Mount) bool {
	exec := in.vertices[i].op.GetExec()
	if exec.Meta == nil {
		return true
	}
	place := placeIn(m, c.folder)
	if place == "" {
		return false
	}
	if m.Dest == pb.RootMount {
		t := in.toolchains[i]
		if hides(exec, c.folder) || t.ModCache == c.folder && exec.Meta.User == c.user {
			return false // it has another one there
		}
	}
	return in.scripts[i].mayRead(place, exec.Meta.Cwd)
}

// placeIn is where a mount has a folder of the file system that it mounts, or what
// there is of it, "" where it has nothing.
func placeIn(m *pb.Mount, folder string) string {
	selector := path.Clean("/" + m.Selector)
	switch {
	case within(folder, selector):
		return path.Join(m.Dest, strings.TrimPrefix(folder, selector))
	case within(selector, folder):
		return path.Clean(m.Dest)
	}
	return ""
}

// hides tells whether a mount of the step's own lies over a folder of its root.
func hides(exec *pb.ExecOp, folder string) bool {
	return slices.ContainsFunc(exec.Mounts, func(m *pb.Mount) bool {
		return m != nil && m.Dest != pb.RootMount && within(folder, m.Dest)
	})
}

// meets tells whether a path, possibly a pattern, leads to a folder, into it or to one
// around it.
func meets(p, folder string) bool {
	names, want := split(p), split(folder)
	for i := range min(len(names), len(want)) {
		if strings.Contains(names[i], "**") || strings.ContainsAny(names[i], "{~") {
			return true
		}
		if match, err := path.Match(names[i], want[i]); !match && err == nil && names[i] != want[i] {
			return false
		}
	}
	return true
}

// mayRead tells whether the step may read a folder: everything may, but commands that
// read nothing that their words do not lead to.
func (s script) mayRead(folder, cwd string) bool {
	folders := s.folders(cwd)
	leads := func(w string) bool {
		return w == "" || strings.Contains(w, folder) || slices.ContainsFunc(leadsTo(w, folders), func(p string) bool { return meets(p, folder) })
	}
	return slices.ContainsFunc(s.Reads, leads) || slices.ContainsFunc(s.Calls, func(c shell.Call) bool { return mayRead(c, leads) })
}

// names tells whether the step's text leads to a folder or into it, where a command may
// do more with it than to tidy it up.
func (s script) names(folder, cwd string) bool {
	folders := s.folders(cwd)
	leads := func(w string) bool {
		return slices.ContainsFunc(leadsTo(w, folders), func(p string) bool {
			return meets(p, folder) && len(split(p)) >= len(split(folder))
		})
	}
	return slices.ContainsFunc(s.Calls, func(c shell.Call) bool {
		return !slices.Contains(withoutFiles, c.Name()) && !slices.Contains(tidying, c.Name()) && slices.ContainsFunc(c.Args, leads)
	})
}

// tidying are commands that take nothing out of a folder that is named.
var tidying = []string{"chmod", "chown", "du", "ls", "rm", "touch"}

// folders are those that the commands may run in.
func (s script) folders(cwd string) []string {
	folders := []string{path.Join("/", cwd)}
	for _, c := range s.Calls {
		if len(c.Args) > 0 && slices.Contains([]string{"cd", "pushd"}, c.Program) {
			folders = append(folders, leadsTo(c.Args[len(c.Args)-1], folders)...)
		}
	}
	return folders
}

// leadsTo are the paths that a word of a command may mean in one of several folders.
func leadsTo(word string, folders []string) []string {
	if strings.HasPrefix(word, "-") || strings.Contains(word, "=") { // --file=/x, -C/x, if=/x
		i := strings.IndexByte(word, '/')
		if i < 0 {
			return nil
		}
		word = word[i:]
	}
	if path.IsAbs(word) {
		return []string{word}
	}
	var paths []string
	for _, f := range folders {
		paths = append(paths, path.Join(f, word))
	}
	return paths
}

// withoutFiles are the commands that read no files of the folders that are asked for,
// whatever their words turn out to be.
var withoutFiles = []string{
	":", "[", "[[", "addgroup", "adduser", "apk", "apt", "apt-get", "dnf", "echo", "exit", "export", "false", "getent", "groupadd", "id", "ldconfig",
	"microdnf", "mkdir", "printf", "pwd", "set", "sleep", "tdnf", "test", "true", "umask", "unset", "update-ca-certificates", "useradd", "usermod", "yum", "zypper",
}

// mayRead tells whether a call may read a folder that some words lead to.
func mayRead(c shell.Call, leads func(word string) bool) bool {
	switch {
	case slices.Contains(withoutFiles, c.Name()):
		return false
	case c.IsGo():
		return len(c.Args) == 0 || !slices.Contains([]string{"clean", "env", "help", "telemetry", "version"}, c.Args[0])
	}
	return !c.Harmless() || slices.ContainsFunc(c.Args, leads)
}
