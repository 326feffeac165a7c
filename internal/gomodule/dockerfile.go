package gomodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Where ko's images have the program and the files of kodata.
const (
	appDir = "/ko-app"
	kodata = "/var/run/ko"
)

// Kodata is the name of the context with the files of kodata.
const Kodata = "kodata"

// Variables are those that the compile takes from the environment or from build arguments.
var Variables = []string{"GOFLAGS", "GOPROXY", "GOPRIVATE", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOEXPERIMENT"}

// Image is what is built of a module.
type Image struct {
	*Module

	// Base is the image that the program is put into.
	Base string

	// Env are variables of the compile, NAME=VALUE, Flags and Ldflags those of go build.
	Env     []string
	Flags   []string
	Ldflags string

	// Cgo says that Env turns cgo on: the program is compiled on its own platform.
	Cgo bool

	// Versions says that a platform may have a variant that counts: arm/v7, amd64/v3.
	Versions bool

	// Production says that it is compiled as it is. Else dlvgen gives the compile its cache.
	Production bool

	// Secrets are the IDs of those that the compile gets. SSH says that it gets the agent.
	Secrets []string
	SSH     bool
}

// ContextName is the name of the context with the folder of that index, "" for the first,
// which is the build context.
func ContextName(i int) string {
	if i == 0 {
		return ""
	}
	return "module" + strconv.Itoa(i)
}

// Dockerfile is what BuildKit builds the image by.
func (i Image) Dockerfile() (string, error) {
	var b strings.Builder
	command, err := i.command()
	if err != nil {
		return "", err
	}
	line := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		// A name with a line break would be an instruction, and a backslash take in the next one.
		if strings.ContainsAny(text, "\r\n") || strings.HasSuffix(text, `\`) {
			err = fmt.Errorf("%q cannot be a line of a Dockerfile: rename the folder, so that its name has no line break and no backslash", text)
		}
		b.WriteString(text + "\n")
	}
	line("# The image of the Go program %s.", i.Path)
	if i.hasKodata() {
		line("FROM scratch AS %s", Kodata)
		line("COPY %s", words(i.inContext(i.kodataDir())+"/", "/"))
		line("")
	}
	platform := "--platform=$BUILDPLATFORM "
	if i.Cgo {
		platform = ""
	}
	line("FROM %s%s AS build", platform, i.image())
	for _, name := range Variables {
		line("ARG %s", name)
	}
	for n, f := range i.Folders[1:] {
		line("COPY --from=%s %s", ContextName(n+1), words(".", f.At))
	}
	line("COPY %s", words(".", i.Folders[0].At))
	line("WORKDIR %s", escape.Replace(i.at(i.Root)))
	line("ARG TARGETOS")
	line("ARG TARGETARCH")
	if i.Versions {
		line("ARG TARGETVARIANT")
	}
	line("RUN %s%s", i.mounts(), command)
	line("")
	line("FROM %s", i.Base)
	program := path.Join(appDir, i.Name())
	line("COPY --from=build --chmod=0555 %s", words(program, program))
	if i.hasKodata() {
		line("COPY --from=%s --chmod=0555 . %s/", Kodata, kodata)
	}
	line("ENV PATH=$PATH:%s", appDir)
	line("ENV KO_DATA_PATH=%s", kodata)
	line("ENTRYPOINT %s", execForm(program))
	return b.String(), err
}

// plain is a word that stands in an instruction as it is.
var plain = regexp.MustCompile(`^[\w./+@:-]+$`)

// escape takes their meaning from the characters that an instruction with variables expands,
// even in JSON.
var escape = strings.NewReplacer(`\`, `\\`, `$`, `\$`, `"`, `\"`, `'`, `\'`)

// words are those of an instruction: as they are, or in JSON, which takes any name.
func words(list ...string) string {
	if slices.ContainsFunc(list, func(word string) bool { return !plain.MatchString(word) }) {
		list = slices.Clone(list)
		for i, word := range list {
			list[i] = escape.Replace(word)
		}
		return execForm(list...)
	}
	return strings.Join(list, " ")
}

// execForm are the words of a command in JSON.
func execForm(list ...string) string {
	dt, _ := json.Marshal(list) // strings always have a form
	return string(dt)
}

// mounts are those of the compile step. The caches are where the golang image has Go's
// own, so that all builds which do the same share them.
func (i Image) mounts() string {
	list := []string{"type=cache,target=/go/pkg/mod"}
	if i.Production {
		list = append(list, "type=cache,target=/root/.cache/go-build")
	}
	for _, id := range i.Secrets {
		mount := "type=secret,id=" + id
		switch {
		case id == "netrc" || id == "gitconfig": // where git and the go command look for them
			mount += ",target=/root/." + id
		case slices.Contains(Variables, id):
			mount += ",env=" + id
		}
		list = append(list, mount)
	}
	if i.SSH {
		list = append(list, "type=ssh")
	}
	var b strings.Builder
	for _, mount := range list {
		b.WriteString("--mount=" + mount + " ")
	}
	return b.String()
}

// command compiles the program.
func (i Image) command() (string, error) {
	list := []string{"GOOS=$TARGETOS", "GOARCH=$TARGETARCH"}
	if !i.sets("CGO_ENABLED") {
		list = append(list, "CGO_ENABLED=0")
	}
	switch {
	case i.workOff:
		list = append(list, "GOWORK=off")
	case i.workNamed:
		list = append(list, "GOWORK="+i.at(i.work))
	}
	for _, variable := range i.Env {
		name, value, _ := strings.Cut(variable, "=")
		quoted, err := quote(value)
		if err != nil {
			return "", fmt.Errorf("the variable %s cannot be set for the compile: %w", name, err)
		}
		list = append(list, name+"="+quoted)
	}
	flags := append([]string{"go", "build"}, i.Flags...)
	flags = append(flags, "-trimpath")
	if i.Ldflags != "" {
		flags = append(flags, "-ldflags="+i.Ldflags)
	}
	program := path.Join(appDir, i.Name())
	main := "." + strings.TrimPrefix(i.at(i.Package), i.at(i.Root))
	for _, word := range append(flags, "-o", program, main) {
		quoted, err := quote(word)
		if err != nil {
			return "", fmt.Errorf("go build cannot be called with %q: %w", word, err)
		}
		list = append(list, quoted)
	}
	command := strings.Join(list, " ")
	if i.Versions {
		// Each variable is checked on every platform, so only the one that counts may be set.
		command = `case $TARGETARCH in arm) export GOARM=${TARGETVARIANT#v} ;; amd64) export GOAMD64=$TARGETVARIANT ;; esac; ` + command
	}
	return command, nil
}

// quote is a word as a shell takes it, in one line of a Dockerfile.
func quote(word string) (string, error) {
	if strings.ContainsAny(word, "\r\n") {
		return "", errors.New("it has a line break")
	}
	return syntax.Quote(word, syntax.LangPOSIX)
}

// sets says that the compile's variables have one of that name.
func (i Image) sets(name string) bool {
	for _, variable := range i.Env {
		if strings.HasPrefix(variable, name+"=") {
			return true
		}
	}
	return false
}
