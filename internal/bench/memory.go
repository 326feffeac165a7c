package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// contextFiles is how many files the context has whose builds' memory is measured.
const contextFiles = 100_000

// threeVariants are those of one compile.
const threeVariants = "remote,remote-src,attach"

// setMemory is for builds of a small and a large program, each with a large context.
func setMemory(ctx context.Context, l *lab) (*bed, error) {
	b, err := l.shared(hello(l.root, l.folder()))
	if err != nil {
		return nil, err
	}
	if b.larger, err = l.shared(miniflux(ctx, l.folder())); err != nil {
		return nil, err
	}
	if b.ours, err = l.frontend(); err != nil {
		return nil, err
	}
	b.larger.ours = b.ours
	return b, errors.Join(b.p.addFiles(contextFiles), b.larger.p.addFiles(contextFiles), pushMinifluxBases(ctx, b.on.registry))
}

// ofLarger runs a way with the large program.
func ofLarger(run func(context.Context, *bed) (sample, error)) func(context.Context, *bed) (sample, error) {
	return func(ctx context.Context, b *bed) (sample, error) { return run(ctx, b.larger) }
}

// remembered is an edit to three pushed variants, with the memory of the command, in which
// the frontend runs.
func remembered(ctx context.Context, b *bed) (sample, error) {
	var peak int64
	s, err := b.on.timed(b.p, func() error {
		cmd := b.on.command(ctx, b.p, threeVariants)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			return err
		}
		// Not of the process' own usage, which begins with what this program has.
		proc := fmt.Sprintf("/proc/%d", cmd.Process.Pid)
		var err error
		peak = watch(func() int64 { return peakOf(proc) }, func() { err = cmd.Wait() })
		return failed(cmd, err, out.Bytes())
	})
	s.memory = peak
	return s, err
}

// rememberedInImage is an edit to three variants by the frontend's image, each by a process
// of its own, at the same time: with the memory of the largest.
func rememberedInImage(ctx context.Context, b *bed) (sample, error) {
	var peak int64
	s, err := b.on.timed(b.p, func() error {
		var err error
		peak = watch(func() int64 { return peakOfProgram("dlvgen-frontend") }, func() {
			eg, ctx := errgroup.WithContext(ctx)
			for variant := range strings.SplitSeq(threeVariants, ",") {
				eg.Go(func() error {
					attrs := map[string]string{"build-arg:BUILDKIT_SYNTAX": b.ours, "build-arg:DLVGEN_VARIANT": variant}
					return b.on.solve(ctx, testenv.Solve{Context: b.p.dir, Dockerfile: b.p.dockerfile, Attrs: attrs})
				})
			}
			err = eg.Wait()
		})
		return err
	})
	if err == nil && peak == 0 {
		err = errors.New("no process of the frontend was seen")
	}
	s.memory = peak
	return s, err
}

// watch samples a peak, which only grows, until run has returned.
func watch(peak func() int64, run func()) (most int64) {
	done := make(chan struct{})
	go func() { defer close(done); run() }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return most
		case <-tick.C:
			most = max(most, peak())
		}
	}
}

// peakOfProgram is the most that a running process of a program has had, 0 where there is none.
func peakOfProgram(name string) (peak int64) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && filepath.Base(target) == name {
			peak = max(peak, peakOf(filepath.Dir(link)))
		}
	}
	return peak
}

// peakOf is the most memory that a process, a folder of /proc, has had; 0 where it has ended.
func peakOf(proc string) int64 {
	status, _ := os.ReadFile(filepath.Join(proc, "status"))
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}
