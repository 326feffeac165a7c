package standin

import "strings"

// removerWords are the arguments of rm as getopt reads them. No option has a value in
// a word of its own, whichever rm it is.
type removerWords struct {
	isOperand []bool

	recursive bool // folders go with what they hold
	empty     bool // empty folders go too
	force     bool // what is missing is no error

	// strange is set where there is an option that not every rm has, unknown where there
	// is one that none is known to have, or with which it removes nothing.
	strange, unknown bool
}

// readRemoverWords reads arguments. Options may follow operands, unless the
// environment asks for what POSIX says.
func readRemoverWords(args []string, posix bool) removerWords {
	w := removerWords{isOperand: make([]bool, len(args))}
	closed := false
	for i, word := range args {
		switch {
		case closed || len(word) < 2 || word[0] != '-':
			w.isOperand[i] = true
			closed = closed || posix
		case word == "--":
			closed = true
		case strings.HasPrefix(word, "--"):
			w.long(word)
		default:
			w.short(word[1:])
		}
	}
	return w
}

func (w *removerWords) short(letters string) {
	for _, letter := range letters {
		switch letter {
		case 'r', 'R':
			w.recursive = true
		case 'f':
			w.force = true
		case 'i':
			w.force = false
		case 'v':
		case 'I':
			w.force, w.strange = false, true
		case 'd':
			w.empty, w.strange = true, true
		default:
			w.unknown = true
		}
	}
}

// long reads an option whose name may be cut short.
func (w *removerWords) long(word string) {
	w.strange = true
	name, when, _ := strings.Cut(word, "=")
	short := func(of string) bool { return strings.HasPrefix(of, name) }
	switch {
	case short("--recursive"):
		w.recursive = true
	case short("--dir"):
		w.empty = true
	case short("--force"):
		w.force = true
	case short("--interactive"):
		w.force = w.force && strings.HasPrefix(when, "n") // "never", "no", "none"
	case short("--one-file-system"), short("--preserve-root"), short("--no-preserve-root"):
	case short("--verbose") && !short("--version"):
	default:
		w.unknown = true
	}
}
