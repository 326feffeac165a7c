package variants

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// claimed refuses a port of the debugger that is the app's: one that the image
// exposes, or, where the user did not ask for that very port, one that the rest of
// the config makes likely.
func claimed(cfg *dockerspec.DockerOCIImageConfig, r Request, port int) error {
	claim, insist := exposure(cfg, port), ""
	if claim == "" && r.Listen == "" {
		claim = likelihood(cfg, port)
		insist = fmt.Sprintf(", or insist with --listen=%s if the app does not listen there", r.Address())
	}
	if claim == "" {
		return nil
	}
	return fmt.Errorf("the image has %s, and %s: choose another port, such as --listen=:%d%s",
		claim, claimedPort, freePort(cfg, port), insist)
}

// claimedPort is what a refusal says of a port that the image seems to use itself.
const claimedPort = "the debugger would listen there"

// ClaimsPort says that a refusal is of the port alone, which the image seems to use itself.
func ClaimsPort(refusal string) bool { return strings.Contains(refusal, ", and "+claimedPort+": ") }

// Listens tells whether environment variables, NAME=VALUE, or a command make it likely that
// an app listens on a port.
func Listens(env, command []string, port int) bool {
	cfg := dockerspec.DockerOCIImageConfig{}
	cfg.Env, cfg.Cmd = env, command
	return likelihood(&cfg, port) != ""
}

// freePort is the first port after the given one that the image does not seem to
// use.
func freePort(cfg *dockerspec.DockerOCIImageConfig, port int) int {
	for next := port + 1; next <= 65535; next++ {
		if exposure(cfg, next) == "" && likelihood(cfg, next) == "" {
			return next
		}
	}
	return port - 1
}

// exposure is the image's EXPOSE of a port, "" without one.
func exposure(cfg *dockerspec.DockerOCIImageConfig, port int) string {
	exposed := strconv.Itoa(port) + "/tcp"
	if _, ok := cfg.ExposedPorts[exposed]; !ok {
		return ""
	}
	return "EXPOSE " + exposed
}

// likelihood is what in an image's config other than EXPOSE says that the app listens
// on a port, "" where nothing does.
func likelihood(cfg *dockerspec.DockerOCIImageConfig, port int) string {
	p := portText(strconv.Itoa(port))
	for _, entry := range cfg.Env {
		if p.inVariable(entry) {
			return "ENV " + entry
		}
	}
	for _, command := range []struct {
		instruction string
		words       []string
	}{{"ENTRYPOINT", cfg.Entrypoint}, {"CMD", cfg.Cmd}} {
		if found := p.inCommand(command.words); found != "" {
			return found + " in " + command.instruction
		}
	}
	if cfg.Healthcheck == nil {
		return ""
	}
	for _, word := range splitWords(cfg.Healthcheck.Test) {
		if p.inURL(word) {
			return "a HEALTHCHECK that asks " + word
		}
	}
	return ""
}

// portText is a port in decimal.
type portText string

// inVariable tells whether NAME=VALUE is a port or an address of the app's own, by its
// name, with this port.
func (p portText) inVariable(entry string) bool {
	name, value, _ := strings.Cut(strings.ToUpper(entry), "=")
	for _, part := range strings.Split(name, "_") {
		switch part {
		case "PORT":
			return p.is(value) || p.isAddress(value)
		case "ADDR", "ADDRESS", "LISTEN", "BIND":
			if p.isAddress(value) {
				return true
			}
		}
	}
	return false
}

// inCommand is the part of a command line that names the port: an address of this
// machine's anywhere, a number only for an option that speaks of a port.
func (p portText) inCommand(argv []string) string {
	words := splitWords(argv)
	for i, word := range words {
		name, value, assigned := strings.Cut(word, "=")
		option := strings.HasPrefix(word, "-")
		switch {
		case p.isAddress(word):
			return afterOption(words, i)
		case assigned && option && (p.isAddress(value) || p.is(value) && ofPort(name)):
			return word
		case assigned && !option && p.inVariable(word):
			return word
		case p.is(word) && i > 0 && ofPort(words[i-1]):
			return afterOption(words, i)
		}
	}
	return ""
}

// inURL tells whether a word names the port of this machine.
func (p portText) inURL(word string) bool {
	_, rest, ok := strings.Cut(word, "://")
	if !ok {
		rest = word
	}
	host, _, _ := strings.Cut(strings.Trim(rest, `"'`), "/")
	return p.isAddress(host)
}

func (p portText) is(value string) bool { return value == string(p) }

// isAddress tells whether a value is HOST:PORT with this port, and the host is none
// or this machine. Other hosts are other services'.
func (p portText) isAddress(value string) bool {
	value = strings.TrimPrefix(strings.ToLower(value), "tcp://")
	host, port, err := net.SplitHostPort(value)
	if err != nil || !p.is(port) {
		return false
	}
	switch host {
	case "", "0.0.0.0", "127.0.0.1", "::", "::1", "localhost", "*":
		return true
	}
	return false
}

// ofPort tells whether an option speaks of a port: "-p", "--port", "-http-port".
func ofPort(option string) bool {
	name := strings.TrimLeft(option, "-")
	return name != option && (name == "p" || strings.HasSuffix(strings.ToLower(name), "port"))
}

// afterOption is a word with the option in front of it, if there is one.
func afterOption(words []string, i int) string {
	if i > 0 && strings.HasPrefix(words[i-1], "-") && !strings.Contains(words[i-1], "=") {
		return words[i-1] + " " + words[i]
	}
	return words[i]
}

// splitWords takes the words of a script out of the argument that holds it.
func splitWords(argv []string) []string {
	var words []string
	for _, arg := range argv {
		words = append(words, strings.Fields(arg)...)
	}
	return words
}
