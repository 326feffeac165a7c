package testenv

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// aptSource is where the machine's own distribution comes from.
type aptSource struct {
	Mirror  string // "http://host/debian"
	Suite   string // "bookworm"
	Keyring string // "" where apt's default keyrings are meant
}

// machineAptSource reads /etc/os-release and /etc/apt for the source of the
// release that the machine runs.
func machineAptSource() (aptSource, error) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return aptSource{}, fmt.Errorf("finding the Debian mirror: %w", err)
	}
	suite := shellValue(string(release), "VERSION_CODENAME")
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*.sources")
	lists, _ := filepath.Glob("/etc/apt/sources.list.d/*.list")
	files = append(append(files, "/etc/apt/sources.list"), lists...)

	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return aptSource{}, fmt.Errorf("finding the Debian mirror: %w", err)
		}
		parse := parseAptList
		if strings.HasSuffix(file, ".sources") {
			parse = parseAptSources
		}
		if source, ok := parse(string(text), suite); ok {
			return source, nil
		}
	}
	return aptSource{}, fmt.Errorf("finding the Debian mirror: no source of suite %q with component main in /etc/apt; base images are made on Debian or Ubuntu", suite)
}

// shellValue is the value of NAME=value or NAME="value" in lines of shell.
func shellValue(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

// parseAptSources finds the suite in the deb822 format (sources.list(5)).
func parseAptSources(text, suite string) (aptSource, bool) {
	for stanza := range strings.SplitSeq(text, "\n\n") {
		fields := map[string][]string{}
		for line := range strings.Lines(stanza) {
			name, value, ok := strings.Cut(line, ":")
			if ok && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, " ") {
				fields[strings.ToLower(name)] = strings.Fields(value)
			}
		}
		if !slices.Contains(fields["types"], "deb") || !slices.Contains(fields["suites"], suite) || !slices.Contains(fields["components"], "main") {
			continue
		}
		if i := slices.IndexFunc(fields["uris"], isHTTP); i >= 0 {
			return aptSource{Mirror: fields["uris"][i], Suite: suite, Keyring: keyringFile(fields["signed-by"])}, true
		}
	}
	return aptSource{}, false
}

// parseAptList finds the suite in the one-line format (sources.list(5)).
func parseAptList(text, suite string) (aptSource, bool) {
	scanner := bufio.NewScanner(strings.NewReader(text))
	for scanner.Scan() {
		line, ok := strings.CutPrefix(strings.TrimSpace(scanner.Text()), "deb ")
		if !ok {
			continue
		}
		var keyring string
		line = strings.TrimSpace(line)
		if options, rest, ok := strings.Cut(line, "]"); ok && strings.HasPrefix(options, "[") {
			line = rest
			for option := range strings.FieldsSeq(options[1:]) {
				if value, ok := strings.CutPrefix(option, "signed-by="); ok {
					keyring = keyringFile([]string{value})
				}
			}
		}
		words := strings.Fields(line)
		if len(words) >= 3 && isHTTP(words[0]) && words[1] == suite && slices.Contains(words[2:], "main") {
			return aptSource{Mirror: words[0], Suite: suite, Keyring: keyring}, true
		}
	}
	return aptSource{}, false
}

func isHTTP(uri string) bool {
	return strings.HasPrefix(uri, "http://") || strings.HasPrefix(uri, "https://")
}

// keyringFile is the first of the values that is a file; Signed-By may be a key
// or a fingerprint too.
func keyringFile(values []string) string {
	for _, value := range values {
		if filepath.IsAbs(value) {
			return value
		}
	}
	return ""
}
