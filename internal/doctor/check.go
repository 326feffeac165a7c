// Package doctor checks what debugging needs: on this machine, and of what is to be debugged. Each
// check says what was found and, where something lacks, what to do.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/registry"
	"golang.org/x/sync/errgroup"
)

// Status is what became of a check.
type Status string

// The values of Status.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, or something else may not
	Failed  Status = "failed"
	Skipped Status = "skipped" // it needs what is not there, or was not asked for
)

// Result is what a check found.
type Result struct {
	Name   string `json:"check"`
	Status Status `json:"status"`

	// Found is one line, Remedy what to do, if anything.
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`

	// Details are lines beyond Found.
	Details []string `json:"details,omitempty"`
}

// finding is a Result without its check.
type finding = Result

func found(format string, args ...any) finding {
	return finding{Status: OK, Found: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) finding {
	return finding{Status: Skipped, Found: fmt.Sprintf(format, args...)}
}

func warning(remedy, format string, args ...any) finding {
	return finding{Status: Warning, Remedy: remedy, Found: fmt.Sprintf(format, args...)}
}

func failed(remedy, format string, args ...any) finding {
	return finding{Status: Failed, Remedy: remedy, Found: fmt.Sprintf(format, args...)}
}

// withDetails adds texts, line by line.
func withDetails(f finding, texts ...string) finding {
	for _, text := range texts {
		for one := range strings.Lines(strings.TrimSpace(text)) {
			f.Details = append(f.Details, strings.TrimRight(one, "\r\n"))
		}
	}
	return f
}

// failedWith is a failure whose error may have several lines, and details.
func failedWith(remedy string, err error) finding {
	text, rest, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	f := withDetails(failed(remedy, "%s", text), rest)
	var more interface{ Details() string }
	if errors.As(err, &more) {
		f = withDetails(f, more.Details())
	}
	return f
}

// check is one question.
type check struct {
	name string
	run  func(context.Context) finding
}

// Limits of the checks: their context ends after the first, and nobody waits for one that goes on
// after the second.
const (
	checkLimit = 60 * time.Second
	checkGrace = 2 * time.Second
)

// run answers all questions at the same time, in their order. None takes longer than the limit,
// and none stops another. They have one context, because what one of them opens is read by others.
func run(ctx context.Context, checks []check, limit, grace time.Duration) []Result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	results := make([]Result, len(checks))
	var group errgroup.Group
	for i, c := range checks {
		group.Go(func() error {
			results[i] = c.result(ctx, limit, grace)
			return nil
		})
	}
	_ = group.Wait()
	return results
}

func (c check) result(ctx context.Context, limit, grace time.Duration) Result {
	answer := make(chan finding, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil { // what is checked may be anybody's
				answer <- failed("", "it could not be checked: %v", p)
			}
		}()
		answer <- c.run(ctx)
	}()
	var r Result
	select {
	case r = <-answer:
	case <-after(ctx, grace):
		r = failed("", "it did not end within %s", limit)
	}
	return clean(c.name, r)
}

// after is closed some time after the end of a context.
func after(ctx context.Context, grace time.Duration) <-chan struct{} {
	done := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(done) }) })
	return done
}

// clean leaves no password in a result, and one line in each of its texts.
func clean(name string, r Result) Result {
	r.Name, r.Found, r.Remedy = name, line(r.Found), line(r.Remedy)
	for i, text := range r.Details {
		r.Details[i] = line(text)
	}
	return r
}

// line is the first line of a text.
func line(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(registry.Redact(text)), "\n")
	const most = 2000 // what whoever pushed an image may have made long
	if len(first) > most {
		first = strings.ToValidUTF8(first[:most], "") + "..."
	}
	return first
}
