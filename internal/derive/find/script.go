package find

import (
	"context"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shell"
)

// scriptCalls are the calls in the script that a command runs, the string of `sh -c`, a
// script file or a makefile in the working folder, that may start a program, and the
// command's arguments, which may be one as well. There are none where nothing is started.
func scriptCalls(ctx context.Context, ev Evidence, started *Program) ([]shell.Call, error) {
	if started == nil || started.Compiled {
		return nil, nil
	}
	if s := started.commandLine(); s.Parsed {
		return s.Starting(), nil
	}
	arguments := shell.CallOf(started.Args)
	calls, ok, err := shell.Make(append([]string{started.Path}, started.Args...), func(name string) (string, error) {
		p, err := ev.lookUp(ctx, "./"+name)
		if err != nil || p == nil {
			return "", err
		}
		return p.text(ctx)
	})
	if ok || err != nil {
		return append(calls, arguments), err
	}
	text, err := started.text(ctx)
	if err != nil || !strings.HasPrefix(text, "#!") {
		return []shell.Call{arguments}, err
	}
	return append(shell.ReadText(text).Starting(), arguments), nil
}

// namedBy are the files of a kind that the calls of a script name: those that are started,
// or, where there are none, any among the words.
func namedBy(ctx context.Context, ev Evidence, calls []shell.Call, is func(word string, p *Program) bool) ([]*Program, error) {
	var starts, all []string
	for _, c := range calls {
		starts, all = append(starts, c.Starts()), append(all, c.Words()...)
	}
	var found []*Program
	for _, words := range [][]string{starts, all} {
		for _, w := range scriptNames(words) {
			p, err := ev.lookUp(ctx, w)
			if err != nil {
				return nil, err
			}
			if p != nil && is(w, p) && !slices.ContainsFunc(found, p.is) {
				found = append(found, p)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	return found, nil
}

// scriptNames are the words of a script that may name programs, each once. Known launchers
// are left out.
func scriptNames(words []string) []string {
	var names []string
	for _, w := range words {
		if shell.IsLauncher(w) || w == "" || strings.HasPrefix(w, "-") || strings.HasSuffix(w, "/") || strings.ContainsAny(w, " \n=*?[") {
			continue
		}
		if !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	return names
}
