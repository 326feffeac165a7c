package bench

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"testing"
)

// The packages of the large program: 50 of 4 files, so 200 files beside the 950 of
// its dependencies. A file has 8 functions, about 100 lines.
const (
	packages     = 50
	packageFiles = 4
	fileParts    = 8
)

// generate writes the packages internal/p00, internal/p01... below dir. They import
// each other as a tree with p00 on top, and are the same each time.
func generate(t testing.TB, dir string) {
	t.Helper()
	for p := range packages {
		folder := filepath.Join(dir, "internal", packageName(p))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		writeSource(t, filepath.Join(folder, "run.go"), runSource(p))
		for f := range packageFiles - 1 {
			writeSource(t, filepath.Join(folder, fmt.Sprintf("part%d.go", f)), partSource(p, f))
		}
	}
}

func packageName(p int) string { return fmt.Sprintf("p%02d", p) }

// runSource is the file that calls the package's other files and the packages
// below it.
func runSource(p int) []byte {
	var below []int
	for _, child := range []int{2*p + 1, 2*p + 2} {
		if child < packages {
			below = append(below, child)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Package %s is generated.\npackage %[1]s\n\n", packageName(p))
	fmt.Fprint(&b, "import (\n\"strings\"\n\n")
	for _, child := range below {
		fmt.Fprintf(&b, "\"example.com/large/internal/%s\"\n", packageName(child))
	}
	fmt.Fprint(&b, ")\n\n// Run computes something of a name.\nfunc Run(name string) string {\nvar b strings.Builder\n")
	for f := range packageFiles - 1 {
		fmt.Fprintf(&b, "b.WriteString(part%d(name))\n", f)
	}
	for _, child := range below {
		fmt.Fprintf(&b, "b.WriteString(%s.Run(name))\n", packageName(child))
	}
	fmt.Fprint(&b, "return b.String()\n}\n")
	return b.Bytes()
}

// partSource is a file of ordinary code: a type, its methods, loops, maps, errors.
func partSource(p, f int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package %s\n\nimport (\n\"errors\"\n\"fmt\"\n\"sort\"\n\"strings\"\n)\n\n", packageName(p))
	fmt.Fprintf(&b, "// record%d is a row.\ntype record%[1]d struct {\nname string\ncounts map[string]int\n}\n\n", f)
	for i := range fileParts {
		fmt.Fprintf(&b, `func (r *record%d) count%d(words []string) (int, error) {
	total := %d
	for i, w := range words {
		if w == "" {
			return 0, errors.New("word " + fmt.Sprint(i) + " is empty")
		}
		total += len(w)
		r.counts[strings.ToLower(w)] += i * total
	}
	return total, nil
}

`, f, i, p*100+f*10+i)
	}
	fmt.Fprintf(&b, "func part%d(name string) string {\nr := &record%[1]d{name: name, counts: map[string]int{}}\nwords := strings.Fields(name)\n", f)
	for i := range fileParts {
		fmt.Fprintf(&b, "if _, err := r.count%d(words); err != nil {\nreturn err.Error()\n}\n", i)
	}
	fmt.Fprint(&b, "keys := make([]string, 0, len(r.counts))\nfor k := range r.counts {\nkeys = append(keys, k)\n}\nsort.Strings(keys)\nreturn r.name + strings.Join(keys, \" \")\n}\n")
	return b.Bytes()
}

func writeSource(t testing.TB, file string, source []byte) {
	t.Helper()
	formatted, err := format.Source(source)
	if err != nil {
		t.Fatalf("generating %s: %v", file, err)
	}
	if err := os.WriteFile(file, formatted, 0o644); err != nil {
		t.Fatal(err)
	}
}
