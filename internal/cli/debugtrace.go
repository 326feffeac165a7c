package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/internal/trace"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	// traceIdle is how long a sidecar may be alone while it traces: without a client the program
	// stands still at the next call.
	traceIdle = 10 * time.Second

	// endedWithin is how long it may take until a session knows that its program has exited.
	endedWithin = 10 * time.Second
)

// traceFlags are those of `dlvgen debug --trace`.
type traceFlags struct {
	words               []string
	limit, count, stack int
}

func (f *traceFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.words, "trace", nil, "print the calls of functions, FUNCTION[,FUNCTION...] or regular expressions of their names, with arguments and results; the program does not wait at them")
	fs.IntVar(&f.count, "count", 0, "with --trace: end after so many calls (default: at Ctrl-C)")
	fs.IntVar(&f.stack, "stack", 0, "with --trace: print so many callers of each call")
	fs.IntVar(&f.limit, "trace-limit", trace.DefaultLimit, "with --trace: how many functions may be traced")
}

// asked tells whether functions are to be traced.
func (f *traceFlags) asked() bool { return len(f.words) > 0 }

func (f *traceFlags) check(cmd *cobra.Command) error {
	for _, name := range []string{"count", "stack", "trace-limit"} {
		switch value, _ := cmd.Flags().GetInt(name); {
		case !cmd.Flags().Changed(name):
		case !f.asked():
			return usagef(cmd, "--%s is for --trace: add it, or leave --%[1]s out", name)
		case value < 1:
			return usagef(cmd, "--%s is %d: it must be 1 or more", name, value)
		}
	}
	switch {
	case !cmd.Flags().Changed("trace"):
	case len(trace.Split(f.words...)) == 0:
		return usagef(cmd, "--trace names no function: write it as package.Function, such as main.handler")
	case cmd.Flags().Changed("for"):
		return usagef(cmd, "--trace is the client itself, and --for names another one: leave one of them out")
	}
	return nil
}

// commands are what does the same at Delve's prompt.
func (f *traceFlags) commands() []string {
	if !f.asked() {
		return nil
	}
	var lines []string
	for _, word := range trace.Split(f.words...) {
		lines = append(lines, "trace "+word)
	}
	return append(lines, "continue")
}

// trace prints the calls until the user or the program ends the session, or there were enough.
func (d debugging) trace(ctx context.Context, one *debugged, at session.Endpoint) error {
	f := d.flags.trace
	err := trace.Run(ctx, at.Address(), trace.Options{
		Functions: trace.Split(f.words...), Limit: f.limit, Count: f.count, Stack: f.stack, Tell: d.streams.tell,
		Began: func(functions []string) {
			what := functions[0]
			if len(functions) > 1 {
				what = fmt.Sprintf("%d functions", len(functions))
			}
			d.streams.tell(fmt.Sprintf("tracing %s of %s: it stops at each call while the arguments are read; Ctrl-C ends the session, and the program runs on", what, one.target.Name()))
		},
	}, d.emit)
	var exited *trace.ExitedError
	if errors.As(err, &exited) || ctx.Err() != nil && cause(ctx) != nil {
		select { // the session knows what has ended
		case <-ctx.Done():
			return cause(ctx)
		case <-time.After(endedWithin):
		}
	}
	return err
}

// emit prints an event.
func (d debugging) emit(e trace.Event) error {
	text := e.String()
	if d.flags.format == formatJSON {
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encoding a call: %w", err)
		}
		text = string(visible.JSON(line)) + "\n"
	}
	_, err := io.WriteString(d.streams.out, text)
	return err
}
