// Command corpus tries dlvgen on production Dockerfiles of real services: it takes a
// folder of checkouts and a list of Dockerfiles in them, asks `dlvgen explain` about
// each, derives those that can be built without image registries, stops each at a
// breakpoint in main.main, and writes docs/corpus.md's table. It reads the checkouts
// and holds nothing of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// flags are the command line's.
type flags struct {
	checkouts string
	list      string
	state     string
	only      []string
	build     bool
	limit     time.Duration
}

func main() {
	err := start(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "corpus: %v\n", err)
		os.Exit(1)
	}
}

func start(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args)
}

func parse(args []string) (flags, error) {
	var f flags
	set := pflag.NewFlagSet("corpus", pflag.ContinueOnError)
	set.SortFlags = false
	set.StringVar(&f.checkouts, "checkouts", "", "folder of checkouts, OWNER+NAME each")
	set.StringVar(&f.list, "list", "testdata/corpus/list.tsv", "list of Dockerfiles")
	set.StringVar(&f.state, "state", "", "folder that keeps results and logs from one run to the next")
	set.StringArrayVar(&f.only, "only", nil, "take only Dockerfiles whose \"REPOSITORY PATH\" contains this, in this order; repeatable")
	set.BoolVar(&f.build, "build", false, "derive those that can be built, and stop each at a breakpoint")
	set.DurationVar(&f.limit, "limit", 10*time.Minute, "how long one derivation may take")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if f.checkouts == "" || f.state == "" {
		return f, errors.New("--checkouts and --state are needed: the folder of checkouts, and one for results and logs")
	}
	return f, nil
}

// run plays the list and prints the table of all results so far.
func run(ctx context.Context, args []string) error {
	f, err := parse(args)
	if err != nil {
		return err
	}
	rows, err := readList(f.list)
	if err != nil {
		return err
	}
	known, err := openResults(f.state)
	if err != nil {
		return err
	}
	if err := play(ctx, f, rows, known); err != nil {
		return err
	}
	return writeTable(os.Stdout, rows, known)
}

// chosen are the rows whose repository and path contain one of the texts, in the order
// of the texts; all of them where there is none.
func chosen(rows []row, only []string) []row {
	if len(only) == 0 {
		return rows
	}
	var list []row
	taken := map[string]bool{}
	for _, text := range only {
		for _, r := range rows {
			if strings.Contains(r.Repository+" "+r.Path, text) && !taken[r.name()] {
				taken[r.name()] = true
				list = append(list, r)
			}
		}
	}
	return list
}

// play explains and builds what the flags ask for.
func play(ctx context.Context, f flags, rows []row, known *results) (err error) {
	m, err := startMachine(ctx, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	for _, r := range chosen(rows, f.only) {
		if err := ctx.Err(); err != nil {
			return err
		}
		res := known.of(r)
		if f.build {
			if r.Hindrance != "" {
				continue
			}
			res.Derived, res.Failure = m.try(ctx, r)
		} else {
			res.Explained, res.Wrong = m.explained(ctx, r)
		}
		if err := ctx.Err(); err != nil { // what was cut short says nothing
			return err
		}
		fmt.Fprintf(os.Stderr, "%s %s: %s\n", r.Repository, r.Path, res)
		if err := known.keep(r, res); err != nil {
			return err
		}
	}
	return nil
}
