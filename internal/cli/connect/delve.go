package connect

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
)

// Delve is what to type into a shell: sh, bash or zsh, or PowerShell on Windows.
func (t Target) Delve() (string, error) {
	switch {
	case t.Kind == variants.KindAttach:
		line, err := t.CommandLine(t.Command())
		return line + "\n", err
	case t.Kind == variants.KindSidecar && t.Container == "":
		return t.sidecarChoices()
	}
	return t.connect()
}

// connect starts Delve's client. Its settings come through a file descriptor, since
// the client, not the server, applies path rules, and stdin is its prompt's.
func (t Target) connect() (string, error) {
	line, err := t.CommandLine(t.Command())
	if err != nil || len(t.Mappings) == 0 {
		return line + "\n", err
	}
	// No line of it can be the one that ends it: all begin with "config".
	rules, err := t.Init()
	if t.Windows {
		// Set-Content would write a byte order mark, which Delve takes for a command.
		return fmt.Sprintf("[IO.File]::WriteAllText(\"$env:TEMP\\dlvgen.init\", @'\n%s\n'@)\n%s --init \"$env:TEMP\\dlvgen.init\"\n",
			strings.Join(rules, "\n"), line), err
	}
	return fmt.Sprintf("%s --init /dev/fd/3 3<<'EOF'\n%s\nEOF\n", line, strings.Join(rules, "\n")), err
}

// sidecarChoices are the ways to start a sidecar.
func (t Target) sidecarChoices() (string, error) {
	prompt, promptErr := t.CommandLine(t.sidecar("-ti"))
	serve, serveErr := t.CommandLine(t.Serve())
	connect, connectErr := t.connect()
	pod, podErr := t.CommandLine(t.debugPod())
	return fmt.Sprintf("# at a prompt\n%s\n\n# for a client\n%s\n%s\n# in Kubernetes\n%s\n", prompt, serve, connect, pod),
		cmp.Or(promptErr, serveErr, connectErr, podErr)
}

// Init is what is typed at the client's prompt: the path rules. It fails for a path that
// cannot be typed there.
func (t Target) Init() ([]string, error) {
	var lines []string
	if t.Kind == variants.KindAttach {
		return lines, nil // the sources and their rules are in the image
	}
	for _, m := range t.Mappings {
		for _, p := range []string{m.From, m.To} {
			if !visible.Text(p) {
				return nil, fmt.Errorf("Delve's prompt cannot take the path %q, which has characters that are not printed: name the folder by another path with --local, such as that of a symbolic link", p)
			}
		}
		lines = append(lines, fmt.Sprintf("config substitute-path %s %s", word(m.From), word(m.To)))
	}
	return lines, nil
}

// word is an argument as Delve's prompt splits them (pkg/config, SplitQuotedFields).
func word(s string) string {
	special := func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\\' }
	if s != "" && !strings.ContainsFunc(s, special) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
