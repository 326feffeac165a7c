package bench

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
)

// The wide program: main imports 200 packages, and each of them the package base. With 25
// files a package it has 5,000 source files.
const (
	dependants     = 200
	dependantFiles = 25
)

// wideDockerfile is as a small service's.
const wideDockerfile = `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /wide .
FROM scratch
COPY --from=build /wide /wide
ENTRYPOINT ["/wide"]
`

// plainDockerfile compiles for a debugger in a step that has no part of dlvgen, with the
// caches that such a Dockerfile has when somebody writes it for speed.
const plainDockerfile = `FROM golang:1.26
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build --mount=type=cache,target=/go/pkg/mod CGO_ENABLED=0 go build -gcflags='all=-N -l' -o /wide .
`

// plainDockerfileName is its name in the wide program's folder.
const plainDockerfileName = "Dockerfile.plain"

// edition is what edits of main.go, or of the package base, replace.
const edition = `"edition"`

// wide generates the wide program below dir, to be edited in a file of it: "main.go", or
// "base/base.go", which all of its packages depend on.
func wide(dir, file string) (*program, error) {
	dir = filepath.Join(dir, "wide")
	files := map[string]string{
		"go.mod": "module example.com/wide\n\ngo 1.26\n", "main.go": mainSource(), "Dockerfile": wideDockerfile, plainDockerfileName: plainDockerfile,
		"base/base.go": "// Package base is generated.\npackage base\n\n// Edition is part of what each package computes.\nconst Edition = " + edition + "\n",
	}
	for p := range dependants {
		for f := range dependantFiles {
			files[fmt.Sprintf("internal/%s/part%02d.go", packageName(p), f)] = partSource(p, f)
		}
	}
	for name, text := range files {
		if err := writeSource(filepath.Join(dir, name), text); err != nil {
			return nil, err
		}
	}
	return newProgram("wide", dir, file, edition, `"edition %s"`)
}

func packageName(p int) string { return fmt.Sprintf("p%03d", p) }

func mainSource() string {
	var b bytes.Buffer
	fmt.Fprint(&b, "// Command wide is generated.\npackage main\n\nimport (\n\"fmt\"\n\n")
	for p := range dependants {
		fmt.Fprintf(&b, "\"example.com/wide/internal/%s\"\n", packageName(p))
	}
	fmt.Fprintf(&b, ")\n\nfunc main() {\nfmt.Println(%s)\n", edition)
	for p := range dependants {
		fmt.Fprintf(&b, "fmt.Println(%s.Part00(nil))\n", packageName(p))
	}
	fmt.Fprint(&b, "}\n")
	return b.String()
}

// partSource is a file of a package: a function that calls the next file's. The first one
// depends on the package base.
func partSource(p, f int) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Package %s is generated.\npackage %[1]s\n\n", packageName(p))
	if f == 0 {
		fmt.Fprint(&b, "import \"example.com/wide/base\"\n\n")
	}
	fmt.Fprintf(&b, "// Part%02d counts words.\nfunc Part%02[1]d(words []string) map[string]int {\n", f)
	if f+1 < dependantFiles {
		fmt.Fprintf(&b, "counts := Part%02d(words)\n", f+1)
	} else {
		fmt.Fprint(&b, "counts := map[string]int{}\n")
	}
	if f == 0 {
		fmt.Fprint(&b, "counts[base.Edition]++\n")
	}
	fmt.Fprintf(&b, "for i, w := range words {\ncounts[w] += i * %d\n}\nreturn counts\n}\n", 100*p+f)
	return b.String()
}

// writeSource writes a file, formatted if it is one of Go.
func writeSource(file, text string) error {
	if filepath.Ext(file) == ".go" {
		formatted, err := format.Source([]byte(text))
		if err != nil {
			return fmt.Errorf("generating %s: %w", file, err)
		}
		text = string(formatted)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
