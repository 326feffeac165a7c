package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

const (
	// moduleRoot is where the service's Dockerfile compiles it: the image's label
	// io.github.dlvgen.paths says so.
	moduleRoot = "/src"

	// around is how many lines are printed on each side of the stop.
	around = 3
)

// look prints where the program stands: the line with its surroundings, the
// variables and the stack.
func (d *demo) look(client *testenv.Delve) error {
	stack, err := client.Stack()
	if err != nil {
		return err
	}
	if err := d.list(stack[0].File, stack[0].Line); err != nil {
		return err
	}
	variables, err := client.Variables()
	if err != nil {
		return err
	}
	d.say("(dlv) args")
	for _, name := range []string{"w", "r"} {
		value := variables[name]
		fmt.Fprintf(d.out, "%s = %.100s\n", name, value)
	}
	d.say("(dlv) stack")
	for i, frame := range stack {
		fmt.Fprintf(d.out, "%2d  %s at %s:%d\n", i, frame.Function.Name(), frame.File, frame.Line)
	}
	return nil
}

// list prints the lines around a place, read from the local sources that the
// builder's path leads to.
func (d *demo) list(file string, line int) error {
	below, ok := strings.CutPrefix(file, moduleRoot+"/")
	if !ok {
		return fmt.Errorf("the program stopped in %s, which is not below %s", file, moduleRoot)
	}
	dt, err := os.ReadFile(filepath.Join(d.root, service, below))
	if err != nil {
		return err
	}
	d.say(fmt.Sprintf("> %s() %s:%d", function, file, line))
	lines := slices.Collect(strings.Lines(string(dt)))
	for n := max(1, line-around); n <= min(len(lines), line+around); n++ {
		mark := "  "
		if n == line {
			mark = "=>"
		}
		fmt.Fprintf(d.out, "%s %3d: %s", mark, n, lines[n-1])
	}
	return nil
}
