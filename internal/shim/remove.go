package shim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// remover is the name of the program that removes files.
const remover = "rm"

// remove runs a call of rm in a step with mount points that production does not
// have: over the go commands, and for the module cache. Removing one fails, and the
// step with it, as `RUN go build ... && rm -rf /usr/local/go` would. So mount points
// are left where they are, and so are the folders that lead to them; all else goes.
func (s Step) remove(args []string) int {
	r, err := s.findReal(remover)
	if err != nil {
		s.say(remover + ": not found\n")
		return exitNotFound
	}
	if points, err := readMounts(s.Mountinfo); err == nil {
		edited, operands := aroundMounts(args, points)
		if operands == 0 && !slices.Equal(edited, args) {
			return 0
		}
		args = edited
	}
	return s.exec(toolchain{path: r.path}, args, s.Env)
}

// aroundMounts replaces the operands of rm at and above mount points by what else
// is in them. operands is how many are left.
func aroundMounts(args []string, points mounts) (edited []string, operands int) {
	recursive, closed := false, false
	isOption := func(word string) bool { return !closed && len(word) > 1 && word[0] == '-' }
	for _, word := range args {
		if word == "--" {
			break
		}
		if isOption(word) {
			short := !strings.HasPrefix(word, "--")
			recursive = recursive || short && strings.ContainsAny(word, "rR") || word == "--recursive"
		}
	}
	for _, word := range args {
		if isOption(word) {
			closed = word == "--"
			edited = append(edited, word)
			continue
		}
		left := around(word, recursive, points)
		edited = append(edited, left...)
		operands += len(left)
	}
	return edited, operands
}

// around lists what is removed in place of an operand: itself where no mount point
// is there or below, nothing for a mount point, and what a folder above one holds.
// What can't be read is left to the real rm to report.
func around(operand string, recursive bool, points mounts) []string {
	at, err := filepath.Abs(operand)
	if err != nil || at == "/" {
		return []string{operand}
	}
	// The last element is not followed: rm removes links themselves.
	at = filepath.Join(resolveExisting(filepath.Dir(at)), filepath.Base(at))
	switch {
	case points.has(at):
		return nil
	case !recursive || !points.below(at):
		return []string{operand}
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return []string{operand}
	}
	var left []string
	for _, e := range entries {
		left = append(left, around(filepath.Join(operand, e.Name()), recursive, points)...)
	}
	return left
}

// below tells whether a mount point lies in the folder or deeper.
func (m mounts) below(folder string) bool {
	for point := range m {
		if strings.HasPrefix(point, folder+"/") {
			return true
		}
	}
	return false
}
