// Command bench measures dlvgen and prints the table of internal/bench. `make bench` runs
// it, and `make bench-docs` writes the tables of the last whole run into the documentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// formats are ways to print a report.
var formats = map[string]func(*bench.Report) string{
	"text":     (*bench.Report).Text,
	"markdown": func(r *bench.Report) string { return r.Markdown() + "\n" + r.MarkdownSteps() },
	"short":    (*bench.Report).Short,
}

func run(ctx context.Context) error {
	rows := flag.String("rows", "", "measure only rows whose group matches this regular expression: "+strings.Join(bench.Names(), ", "))
	rounds := flag.Int("rounds", 7, "how often each way is measured; those that compile everything have fewer")
	format := flag.String("format", "text", "how to print: text, markdown, short (the README's table)")
	save := flag.String("save", "", "also write the report to this file")
	from := flag.String("from", "", "print a saved report instead of measuring")
	docs := flag.String("docs", "", "write the tables into README.md and docs/performance.md below this folder")
	flag.Parse()
	text, ok := formats[*format]
	if !ok {
		return fmt.Errorf("-format is %q: want text, markdown or short", *format)
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("got the argument %q: there are only flags", flag.Arg(0))
	}
	report, err := get(ctx, *from, *rows, *rounds)
	if report == nil {
		return err
	}
	fmt.Print(text(report))
	if err != nil {
		return err
	}
	if *save != "" {
		if err := report.Save(*save); err != nil {
			return err
		}
	}
	if *docs != "" {
		return report.WriteDocs(*docs)
	}
	if n := report.Failures(); n > 0 {
		return fmt.Errorf("%d rows failed: see above", n)
	}
	return nil
}

// get measures, or reads what was measured.
func get(ctx context.Context, from, rows string, rounds int) (*bench.Report, error) {
	if from != "" {
		return bench.Load(from)
	}
	if rounds < 1 {
		return nil, errors.New("-rounds: want at least 1")
	}
	o := bench.Options{Rounds: rounds, Progress: os.Stderr}
	if rows != "" {
		selected, err := regexp.Compile(rows)
		if err != nil {
			return nil, fmt.Errorf("-rows: %w", err)
		}
		o.Rows = selected
	}
	return bench.Run(ctx, o)
}
