package main

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// row is one Dockerfile of the list.
type row struct {
	// Repository is its OWNER/NAME, Path the Dockerfile's there, at Commit.
	Repository, Path, Commit string

	// Context is the folder of the build context in the repository.
	Context string

	// Flags are those of `dlvgen build` and `dlvgen explain` for the build
	// arguments and target that the repository's own builds use.
	Flags []string

	// Answer is what `dlvgen explain` has to say: "PROGRAM LINES" for a Dockerfile
	// that compiles, where LINES are those of the instrumented steps, "3,17", and
	// PROGRAM is "?" where only a build can tell; "refused: TEXT" where the refusal
	// has to contain the text.
	Answer string

	// Run are the container's arguments, for an image that does not start its
	// program by itself.
	Run []string

	// Hindrance is why the Dockerfile cannot be built without image registries and
	// with the Go module proxy, Debian's packages and npm's alone; empty where it can.
	Hindrance string
}

// columns of the list: tab-separated, "-" for nothing.
const columns = 8

// readList reads the list. Empty lines and those that begin with "#" are left out.
func readList(file string) ([]row, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the list: %w", err)
	}
	defer f.Close()
	var rows []row
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			r, err := parseRow(line)
			if err != nil {
				return nil, fmt.Errorf("reading line %d of %s: %w", n, file, err)
			}
			rows = append(rows, r)
		}
	}
	return rows, lines.Err()
}

func parseRow(line string) (row, error) {
	cells := strings.Split(line, "\t")
	if len(cells) != columns {
		return row{}, fmt.Errorf("it has %d columns, want %d", len(cells), columns)
	}
	for i, c := range cells {
		if c == "-" {
			cells[i] = ""
		}
	}
	r := row{
		Repository: cells[0], Path: cells[1], Commit: cells[2], Context: cells[3],
		Flags: strings.Fields(cells[4]), Answer: cells[5], Run: strings.Fields(cells[6]), Hindrance: cells[7],
	}
	if r.Context == "" {
		r.Context = path.Dir(r.Path)
	}
	return r, nil
}

// between are the characters that names of images have between letters and digits, as
// many as there are.
var between = regexp.MustCompile(`[^a-z0-9]+`)

// name is a name for files and images.
func (r row) name() string {
	name := between.ReplaceAllStringFunc(strings.ToLower(r.Repository+"-"+r.Path), func(text string) string {
		if text == "." || text == "_" {
			return text
		}
		return "-"
	})
	return strings.Trim(name, "._-")
}

// dir is the checkout's folder.
func (r row) dir(checkouts string) string {
	return filepath.Join(checkouts, strings.ReplaceAll(r.Repository, "/", "+"))
}

// attributes of the flags that decide which images the Dockerfile names.
func (r row) buildArgs() (args map[string]string, target string) {
	args = map[string]string{}
	for i := 0; i+1 < len(r.Flags); i++ {
		switch r.Flags[i] {
		case "--build-arg":
			name, value, _ := strings.Cut(r.Flags[i+1], "=")
			args[name] = value
		case "--target":
			target = r.Flags[i+1]
		}
	}
	return args, target
}
