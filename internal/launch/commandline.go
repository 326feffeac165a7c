package launch

import "strings"

// commandline is what init has to know of a command line of Delve's. The zero
// value stands for one that init has nothing to do for.
type commandline struct {
	// program is the index of the program that Delve's exec command starts; 0 if
	// the command is another one.
	program int

	// listen is the value of --listen, empty if not set.
	listen string

	// headless and multi tell whether --headless and --accept-multiclient are
	// set. Without the latter, the first client to leave ends Delve.
	headless, multi bool
}

// supervised tells whether Delve starts a program of its own and serves it:
// only then is there a program to pass signals to.
func (c commandline) supervised() bool { return c.program > 0 && c.headless }

// parseCommandline reads argv, whose first word is Delve itself. Flags may
// stand before and after the command, the last one wins, and "--" ends them.
func parseCommandline(argv []string) commandline {
	var c commandline
	command := ""
	for i := 1; i < len(argv) && argv[i] != "--"; i++ {
		word := argv[i]
		if !strings.HasPrefix(word, "-") {
			switch {
			case command == "":
				command = word
			case command == "exec" && c.program == 0:
				c.program = i
			}
			continue
		}
		name, value, hasValue := strings.Cut(word, "=")
		switch {
		case name == "--headless":
			c.headless = !hasValue || truth(value)
		case name == "--accept-multiclient":
			c.multi = !hasValue || truth(value)
		case name == "--listen" || name == "-l":
			if !hasValue && i+1 < len(argv) {
				i++
				value = argv[i]
			}
			c.listen = value
		case strings.HasPrefix(word, "-l") && !strings.HasPrefix(word, "--"):
			c.listen = strings.TrimPrefix(word, "-l")
		case !hasValue && takesValue[name]:
			i++
		}
	}
	return c
}

// takesValue holds Delve's other flags that may take the next word as their
// value (github.com/go-delve/delve/cmd/dlv/cmds, version 1.27.2).
var takesValue = map[string]bool{
	"--api-version": true, "--backend": true, "--build-flags": true, "--init": true,
	"--log-dest": true, "--log-output": true, "--redirect": true, "-r": true,
	"--wd": true, "--tty": true,
}

// truth reads a flag's value as pflag does, for the values that mean true.
func truth(value string) bool {
	switch value {
	case "1", "t", "T", "true", "TRUE", "True":
		return true
	}
	return false
}
