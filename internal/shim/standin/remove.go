package standin

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// remover is the name of the program that removes files.
const remover = "rm"

// Remove runs a call of rm in a step with mount points that production does not
// have: over the go commands, and for the module cache. Removing one fails, and the
// step with it, as `RUN go build ... && rm -rf /usr/local/go` would; what a cache
// holds is other builds' too. So the real rm, which decides everything else, gets
// what lies beside them in place of the operands that they are or lie in.
func Remove(s step.Step, args []string) int {
	rm, err := s.Find(remover)
	if err != nil {
		return s.NotFound()
	}
	r, err := aroundMounts(s, rm.Path, args)
	if err != nil || !r.edits() {
		return s.Exec(rm.Path, args, s.Env)
	}
	return r.settle(s, s.Child(rm.Path, r.args, s.Env))
}

// aroundMounts edits the arguments of the real rm.
func aroundMounts(s step.Step, rm string, args []string) (*removal, error) {
	points, err := mounts.ReadPoints(s.Mountinfo, s.Real)
	if err != nil {
		return nil, err
	}
	folder, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	posix := slices.ContainsFunc(s.Env, func(v string) bool { return strings.HasPrefix(v, "POSIXLY_CORRECT=") })
	words := readRemoverWords(args, posix)
	r := &removal{words: words, points: points, folder: folder, busybox: isBusybox(rm)}
	if words.unknown || r.busybox && words.strange {
		return r, nil
	}
	operands := 0
	for i, word := range args {
		if !words.isOperand[i] {
			r.args = append(r.args, word)
			continue
		}
		if posix && !slices.Contains(r.args, "--") {
			r.args = append(r.args, "--") // what comes first now may look like an option
		}
		left := r.operand(r.trimmed(word))
		r.args = append(r.args, left...)
		operands += len(left)
	}
	if operands == 0 && r.edits() {
		// Without operands rm succeeds with -f alone; options that it doesn't know it
		// still refuses.
		r.args = slices.DeleteFunc(r.args, func(word string) bool { return word == "--" })
		r.args = append(r.args, "-f")
	}
	return r, nil
}

// removal is a call of rm around mount points.
type removal struct {
	busybox bool
	words   removerWords
	points  mounts.Points
	folder  string // the working folder

	// args are those for the real rm.
	args []string

	// kept are what production removes and the step cannot: mount points, and the
	// folders that lead to them, each behind what it holds.
	kept []string

	// passed are the operands so far that the real rm gets as they are, and gone the
	// others, as absolute paths without links; emptied are folders of which only what
	// they hold is removed.
	passed, gone, emptied []string

	// missing are operands of which production finds nothing any more.
	missing []string
}

// isBusybox tells whether a program is busybox, under whatever name.
func isBusybox(program string) bool {
	data, err := os.ReadFile(program)
	return err == nil && bytes.Contains(data, []byte("BusyBox v"))
}

// edits tells whether the real rm is to do something else than it was asked for.
func (r *removal) edits() bool { return len(r.kept) > 0 }

// operand is what is removed in place of an operand. What rm refuses, or doesn't
// find, is left to it.
func (r *removal) operand(word string) []string {
	if base := word[strings.LastIndexByte(word, '/')+1:]; r.busybox && (base == "." || base == "..") {
		return []string{word} // it refuses these without looking
	}
	if r.leadsThroughGone(word) {
		r.missing = append(r.missing, word)
		return nil
	}
	at, ok := r.place(word)
	if !ok {
		return []string{word}
	}
	left, held := r.around(word, at)
	switch {
	case !held:
		r.passed = append(r.passed, at)
		return []string{word}
	case isLinkToFolder(word): // the folder itself stays
		r.emptied = append(r.emptied, at)
	default:
		r.gone = append(r.gone, at)
	}
	if strings.HasSuffix(word, "/") {
		r.kept[len(r.kept)-1] += "/"
	}
	return left
}

// around lists what is removed in place of an operand that is or lies above a mount
// point. It is false for any other, and for those that can't be removed in
// production either.
func (r *removal) around(word, at string) (left []string, held bool) {
	if !mounts.AnyWithin(r.points.Own, at) || mounts.AnyWithin(r.points.Others, at) {
		return nil, false
	}
	info, err := os.Lstat(word)
	if err != nil || info.IsDir() && !r.words.recursive && !r.removesEmpty(word) {
		return nil, false
	}
	return r.beside(strings.TrimRight(word, "/"), at)
}

// trimmed is an operand as rm looks at it: busybox leaves slashes at its end out, and
// so removes a link for "link/", where others remove what is in the folder behind it.
func (r *removal) trimmed(word string) string {
	name := strings.TrimRight(word, "/")
	if r.busybox && name != "" {
		return name
	}
	return word
}

// isLinkToFolder tells whether an operand is a link with a slash at its end, "link/".
func isLinkToFolder(word string) bool {
	name := strings.TrimRight(word, "/")
	info, err := os.Lstat(name)
	return name != word && err == nil && info.Mode()&os.ModeSymlink != 0
}

// removesEmpty tells whether a folder that isn't removed with what it holds is
// removed for holding nothing.
func (r *removal) removesEmpty(folder string) bool {
	entries, err := os.ReadDir(folder)
	return r.words.empty && err == nil && len(entries) == 0
}

// beside lists what is to be removed of a file or folder at or above mount points.
func (r *removal) beside(name, at string) (left []string, readable bool) {
	if !r.points.IsOwn(at) {
		entries, err := os.ReadDir(name + "/")
		if err != nil {
			return nil, false
		}
		for _, e := range entries {
			inside, there := name+"/"+e.Name(), filepath.Join(at, e.Name())
			if r.isGone(there) || slices.Contains(r.passed, there) {
				continue
			}
			if !mounts.AnyWithin(r.points.Own, there) {
				left = append(left, inside)
				continue
			}
			more, readable := r.beside(inside, there)
			if !readable {
				more = []string{inside}
			}
			left = append(left, more...)
		}
	}
	r.kept = append(r.kept, name)
	return left, true
}

// place is the absolute path, without links, of the file or folder that an operand
// names. It is false for what isn't there, and for what rm refuses to remove: the
// root, and "." and ".." however they are written.
func (r *removal) place(word string) (string, bool) {
	name := strings.TrimRight(word, "/")
	base := name[strings.LastIndexByte(name, '/')+1:]
	if base == "" || base == "." || base == ".." {
		return "", false
	}
	if _, err := os.Lstat(word); err != nil {
		return "", false
	}
	if name == word {
		// The last element is not followed: rm removes links themselves.
		dir, err := filepath.EvalSymlinks(r.absolute(strings.TrimSuffix(name, base)))
		return filepath.Join(dir, base), err == nil
	}
	at, err := filepath.EvalSymlinks(r.absolute(name))
	return at, err == nil && at != "/"
}

// absolute doesn't clean: what comes before ".." may be a link.
func (r *removal) absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return r.folder + "/" + path
}

// leadsThroughGone tells whether an operand leads through what an earlier one removes
// in production. Of what the real rm removes, it tells itself.
func (r *removal) leadsThroughGone(word string) bool {
	gone := func(path string) bool {
		at, ok := r.place(path)
		return ok && r.isGone(at)
	}
	for i := range len(word) {
		// A link itself, and what it leads to.
		if word[i] == '/' && (gone(word[:i]) || gone(word[:i+1])) {
			return true
		}
	}
	return gone(word)
}

// isGone tells whether production has nothing at a path any more.
func (r *removal) isGone(at string) bool {
	return slices.ContainsFunc(r.gone, func(folder string) bool { return mounts.IsWithin(at, folder) }) ||
		slices.ContainsFunc(r.emptied, func(folder string) bool { return at != folder && mounts.IsWithin(at, folder) })
}

// settle is the exit code of a call after the real rm's part, whose code it is given.
func (r *removal) settle(s step.Step, code int) int {
	tried := r.kept
	if code != 0 {
		// What the real rm did not remove is not emptied. For a link production has its
		// answer all the same.
		tried = slices.DeleteFunc(slices.Clone(r.kept), func(name string) bool { return !isLinkToFolder(name) })
	}
	for _, problem := range r.refusals(tried) {
		s.Say(remover + ": cannot remove " + problem + "\n")
		code = max(code, 1)
	}
	for _, word := range r.missing {
		if !r.words.force {
			s.Say(fmt.Sprintf("%s: cannot remove '%s': No such file or directory\n", remover, word))
			code = max(code, 1)
		}
	}
	return code
}

// refusals are the reasons for which production could not remove some of what is kept. The
// kernel looks at permissions before it says that something is a mount point, or a
// folder that is not empty.
func (r *removal) refusals(kept []string) []string {
	var refusals, refused []string
	for _, name := range kept {
		if slices.ContainsFunc(refused, func(inside string) bool { return mounts.IsWithin(inside, name) }) {
			continue // nobody tries a folder that can't be emptied
		}
		err := syscall.Rmdir(name)
		if errors.Is(err, syscall.ENOTDIR) && !strings.HasSuffix(name, "/") {
			err = syscall.Unlink(name)
		}
		switch {
		case err == nil, errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EEXIST):
		case errors.Is(err, syscall.ENOENT): // the name led through what is removed now
		case r.words.force && errors.Is(err, syscall.ENOTDIR): // "link/"
		default:
			refused = append(refused, name)
			reason := err.Error()
			refusals = append(refusals, fmt.Sprintf("'%s': %s%s", name, strings.ToUpper(reason[:1]), reason[1:]))
		}
	}
	return refusals
}
