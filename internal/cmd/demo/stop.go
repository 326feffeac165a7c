package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

const (
	debugPort = 8000
	appPort   = 12345
	function  = "main.handler"

	// around is how many lines are printed on each side of the stop.
	around = 3
)

// roots begin the names of the service's files in the debug information: the folder
// in which its Dockerfile compiles it, and, for production's -trimpath, its module.
// The image's label io.github.dlvgen.paths says so.
var roots = []string{"/src/", "example.com/hello/"}

// hit stops the program in a request, looks around, and lets it go on.
func (d *demo) hit(ctx context.Context, client *testenv.Delve, app string) error {
	page := make(chan string, 1)
	d.say("(dlv) break " + function + "\n(dlv) continue\n$ curl http://" + app + "/?name=gopher")
	_, err := client.HitFunction(ctx, function, func(ctx context.Context) error {
		body, err := testenv.Get(ctx, "http://"+app+"/?name=gopher")
		page <- body
		return err
	})
	if err != nil {
		return err
	}
	if err := d.look(client); err != nil {
		return err
	}
	return d.goOn(client, page)
}

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

// list prints the lines around a place, read from the local sources that its path
// leads to.
func (d *demo) list(file string, line int) error {
	below := ""
	for _, root := range roots {
		if rel, ok := strings.CutPrefix(file, root); ok {
			below = rel
		}
	}
	if below == "" {
		return fmt.Errorf("the program stopped in %s, which is not below %s", file, strings.Join(roots, " or "))
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

// goOn lets the program run on without breakpoints, and prints the page.
func (d *demo) goOn(client *testenv.Delve, page <-chan string) error {
	d.say("(dlv) clearall\n(dlv) continue")
	breakpoints, err := client.ListBreakpoints(false)
	if err != nil {
		return err
	}
	for _, b := range breakpoints {
		if b.ID > 0 {
			if _, err := client.ClearBreakpoint(b.ID); err != nil {
				return err
			}
		}
	}
	client.Continue()
	select {
	case body := <-page:
		fmt.Fprint(d.out, body)
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("the program does not answer after it was continued")
	}
}
