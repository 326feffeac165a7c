package bake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
)

// frontendCall is what is wanted of the frontend for each image.
type frontendCall func(*frontend.Frontend, context.Context, gateway.Client) (*gateway.Result, error)

// job is the build of one image on one node.
type job struct {
	node    *node
	options client.SolveOpt
	config  frontend.Config
	result  *Result
	load    *imageLoad // nil where nothing goes to Docker Engine
	several bool       // the node has other jobs
}

// build runs the builds of all images, which share the steps that are equal, on each node for
// its platforms.
func (b *builder) build(ctx context.Context) ([]*Result, error) {
	in, err := loadInputs(b.source, b.contexts, b.streams.In)
	if err != nil {
		return nil, err
	}
	defer in.close()
	attachables, err := b.attachables(in)
	if err != nil {
		return nil, err
	}
	nodes, err := b.prepare(ctx, in, attachables)
	defer func() {
		for _, n := range nodes {
			n.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	b.tellOutputs(nodes)

	var jobs []*job
	parts := make([][]*job, len(b.images))
	for i, img := range b.images {
		for _, n := range nodes {
			j, err := b.newJob(ctx, img, n, in, attachables)
			if err != nil {
				return nil, err
			}
			jobs, parts[i] = append(jobs, j), append(parts[i], j)
		}
	}
	if err := b.runJobs(ctx, jobs); err != nil {
		return nil, err
	}
	var results []*Result
	for _, built := range parts {
		res, err := b.join(ctx, built)
		if err != nil {
			return nil, err
		}
		results = append(results, res)
	}
	return results, nil
}

// tellOutputs says what becomes of what is built where that may surprise.
func (b *builder) tellOutputs(nodes []*node) {
	if b.dryRun {
		return
	}
	if len(b.outputs) == 0 {
		for _, img := range b.images {
			b.notify(fmt.Sprintf("no output specified: variant %s stays in the build cache. Use --push, --load or -o", img.Preset))
		}
	}
	for _, c := range b.cacheTo {
		if len(nodes) > 1 && cacheExporters[c.Type] != cacheInImage {
			b.notify(fmt.Sprintf("warning: %d nodes write the cache of --cache-to type=%s to the same place, and only the last one's stays: use type=inline, or a call for each platform",
				len(nodes), c.Type))
		}
	}
}

func (b *builder) newJob(ctx context.Context, img Image, n *node, in *inputs, attachables []session.Attachable) (*job, error) {
	j := &job{
		node: n, several: len(b.images) > 1,
		result: &Result{Image: img},
		config: frontend.Config{Tools: n.tools, Version: version.Version(), Source: in.production, Image: b.frontendImage, HostGo: n.goFrom},
	}
	if len(b.production) > 0 {
		j.config.Reference = b.production[0].String()
	}
	var err error
	if j.options, err = b.solveOpt(img, in, attachables); err != nil {
		return nil, err
	}
	n.apply(&j.options)
	if b.tools.set != nil { // BuildKit v0.8 does not heed the session: see sharedMounts.apply
		maps.Copy(j.options.LocalMounts, b.tools.set.Mounts)
	}
	if n.hostGo != nil {
		j.options.LocalMounts[hostGoMount] = n.hostGo
	}
	j.options.Exports, j.load, err = b.exports(ctx, n, j.result)
	return j, err
}

// runJobs runs the builds at the same time, in one display.
func (b *builder) runJobs(ctx context.Context, jobs []*job) error {
	// The display is not cut short by an interrupt: it shows what was cancelled.
	progress, err := buildkit.NewProgress(context.WithoutCancel(ctx), b.streams.Err, b.progress)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(jobs))
	watches := map[*node]func() error{}
	var running sync.WaitGroup
	for i, j := range jobs {
		if watches[j.node] == nil {
			watches[j.node] = j.node.watch(ctx)
		}
		status := progress.Source(j.node.label(), b.label(j.result))
		running.Go(func() {
			err := b.runJob(ctx, j, status)
			// Where the load failed, the build's error says only that the pipe broke.
			errs[i] = errors.Join(j.load.wait(err), err)
			if errs[i] != nil && !isSpurious(errs[i]) {
				cancel()
			}
		})
	}
	running.Wait()
	for _, stop := range watches {
		if err := stop(); err != nil {
			errs = append([]error{err}, errs...)
		}
	}
	warnings, progressErr := progress.Wait()
	b.printWarnings(warnings)
	if err := cause(errs, progress.FailedStep()); err != nil {
		return err
	}
	return progressErr
}

// runJob builds one image on a node; status is closed when it ends.
func (b *builder) runJob(ctx context.Context, j *job, status chan *client.SolveStatus) error {
	f := frontend.New(j.config)
	var refusal *derive.RefusalError // BuildKit's answer has its text alone
	release := func() {}
	defer func() { release() }()
	response, err := j.node.Build(ctx, j.options, "dlvgen", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		if caps := gw.BuildOpts().LLBCaps; b.attests() && !caps.Contains(capAttestations) {
			return nil, errNoAttestations
		}
		derived, err := b.call(f, ctx, gw)
		if err != nil {
			errors.As(err, &refusal)
			return nil, err
		}
		j.result.Metadata = derived.Metadata
		if b.dryRun {
			// Nothing but what the plan needed is built.
			return gateway.NewResult(), nil
		}
		if release, err = j.takeTurn(ctx, gw, derived); err != nil {
			return nil, err
		}
		return derived, b.guardOwn(ctx, j.result)
	}, status)
	if err == nil {
		j.result.Response = response.ExporterResponse
		return nil
	}
	if lost := j.node.lost(ctx, err); lost != nil {
		return lost
	}
	if refusal != nil {
		return refusal
	}
	return j.node.explain(err)
}

// label names a variant in the progress, where there are several.
func (b *builder) label(res *Result) string {
	if len(b.images) == 1 {
		return ""
	}
	return res.Preset
}

// notify tells the user what takes longer than a moment.
func (b *builder) notify(line string) {
	if b.progress != "quiet" && b.progress != "rawjson" {
		b.streams.Tell(line)
	}
}

// printWarnings prints what the Dockerfile frontend found to warn about. Its texts name
// their lines (linter.LintFormatShort).
func (b *builder) printWarnings(warnings []client.VertexWarning) {
	for _, w := range warnings {
		b.notify(fmt.Sprintf("warning: %s", w.Short))
	}
}
