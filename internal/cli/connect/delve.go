package connect

import (
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
)

// Delve is what to type into a shell, sh, bash or zsh.
func (t Target) Delve() string {
	switch {
	case t.Kind == variants.KindAttach:
		return strings.Join(t.Command(), " ") + "\n"
	case t.Kind == variants.KindSidecar && t.Container == "":
		return t.sidecarChoices()
	}
	return t.connect()
}

// connect starts Delve's client. Its settings come through a file descriptor, since
// the client, not the server, applies path rules, and stdin is its prompt's.
func (t Target) connect() string {
	line := strings.Join(t.Command(), " ")
	if len(t.Mappings) == 0 {
		return line + "\n"
	}
	return fmt.Sprintf("%s --init /dev/fd/3 3<<'EOF'\n%s\nEOF\n", line, strings.Join(t.Init(), "\n"))
}

// sidecarChoices are the ways to start a sidecar.
func (t Target) sidecarChoices() string {
	return fmt.Sprintf(`# at a prompt
%s

# for a client
%s
%s
# in Kubernetes
kubectl debug -ti POD --target=%s --profile=general --image=%s
`, t.sidecar("-ti"), t.Serve(), t.connect(), t.beside(), t.Name)
}

// Init is what is typed at the client's prompt: the path rules.
func (t Target) Init() []string {
	var lines []string
	if t.Kind == variants.KindAttach {
		return lines // the sources and their rules are in the image
	}
	for _, m := range t.Mappings {
		lines = append(lines, fmt.Sprintf("config substitute-path %s %s", word(m.From), word(m.To)))
	}
	return lines
}

// word is an argument as Delve's prompt splits them (pkg/config, SplitQuotedFields).
func word(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\"\\") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
