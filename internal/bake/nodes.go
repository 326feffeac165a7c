package bake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/derive/rebuild"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/docker/buildx/util/platformutil"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
)

// node is a BuildKit of the builder, prepared for the builds of all images.
type node struct {
	*builders.Node
	several bool // it is one of several

	shared *sharedMounts
	tools  frontend.ToolsSource
	done   func()             // with the tools
	hostGo *hostGo            // nil where no image asks for it
	goFrom rebuild.HostGo     // of hostGo
	waits  *patience.Patience // for answers

	// exports is held by the build that exports.
	exports sync.Mutex
}

// prepare guards each node's image store, and offers each node the inputs and the tools: a
// node is sent what it asks for once. Those nodes that it returns are to be closed.
func (b *builder) prepare(ctx context.Context, in *inputs, attachables []session.Attachable) (nodes []*node, err error) {
	for _, on := range b.on.Nodes {
		if err := b.guardStore(ctx, on.Client, attachables); err != nil {
			return nodes, err
		}
		n := &node{Node: on, several: len(b.on.Nodes) > 1, done: func() {}, waits: &patience.Patience{Tell: b.notify}}
		if n.shared, err = shareMounts(ctx, on.Client, b, in); err != nil {
			return nodes, err
		}
		nodes = append(nodes, n)
		tools, done, err := b.tools.serve(ctx, on.Client)
		if err != nil {
			return nodes, err
		}
		n.tools, n.done = tools, done
		if b.usesHostGo() {
			h, from, end, err := b.serveHostGo(ctx, on.Client)
			if err != nil {
				return nodes, err
			}
			n.hostGo, n.goFrom, n.done = h, from, func() { done(); end() }
		}
	}
	return nodes, nil
}

// close ends the node's sessions. Those of a node that has stopped end with its connection.
func (n *node) close() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	stop := n.watch(ended)
	n.done()
	n.shared.close()
	_ = stop()
}

// label names the node in the progress, where there are several.
func (n *node) label() string {
	if n.several {
		return n.Name
	}
	return ""
}

// platforms are those that the node builds for.
func (n *node) platforms() string { return strings.Join(platformutil.Format(n.Builds), ",") }

// apply makes a build that of the node. An image of several nodes is an index on each, as
// buildx has it: its entries are those of the whole index.
func (n *node) apply(so *client.SolveOpt) {
	n.shared.apply(so)
	if n.several {
		so.FrontendAttrs["platform"] = n.platforms()
		so.FrontendAttrs["multi-platform"] = "true"
	}
}

// own are the exports of a node that is one of several: BuildKit refuses annotations for a
// platform that it does not build.
func (n *node) own(entries []client.ExportEntry) []client.ExportEntry {
	if n == nil || !n.several {
		return entries
	}
	for i, e := range entries {
		attrs := maps.Clone(e.Attrs)
		for key, value := range e.Attrs {
			a, is, err := exptypes.ParseAnnotationKey(key)
			if !is || err != nil || a.Platform == nil {
				continue
			}
			switch a.Type {
			case exptypes.AnnotationIndex, exptypes.AnnotationIndexDescriptor:
				// Those are of the whole index, whichever platform they name.
				delete(attrs, key)
				a.Platform = nil
				attrs[a.String()] = value
			default:
				if !slices.Contains(platformutil.Format(n.Builds), a.PlatformString()) {
					delete(attrs, key)
				}
			}
		}
		entries[i].Attrs = attrs
	}
	return entries
}

// lostError says that a node has gone during a build.
type lostError struct {
	who, platforms string
	cause          error
}

func (e *lostError) Error() string {
	what := "the build"
	if e.platforms != "" {
		what += " for " + e.platforms
	}
	line, _, _ := strings.Cut(strings.TrimSpace(e.cause.Error()), "\n")
	return fmt.Sprintf("%s stopped answering during %s, and no tag was moved: check that it runs, and build again: %s", e.who, what, line)
}

// Unwrap returns the cause.
func (e *lostError) Unwrap() error { return e.cause }

// lost asks a node whether it is still there, where a build on it has failed and nobody has
// ended that. It is nil where the node answers.
func (n *node) lost(ctx context.Context, buildErr error) error {
	if ctx.Err() != nil {
		return nil
	}
	err := n.waits.Ask(ctx, n.Who, n.answers)
	if err == nil || ctx.Err() != nil {
		return nil
	}
	return &lostError{who: n.Who, platforms: n.platforms(), cause: buildErr}
}

// explain adds to the error of a build which of several nodes it was on.
func (n *node) explain(err error) error {
	if !n.several {
		return err
	}
	return fmt.Errorf("node %s: %w", n.Name, err)
}

// checkNodes refuses outputs that one BuildKit has to write as a whole.
func (b *builder) checkNodes() error {
	if b.dryRun {
		return nil
	}
	var nodes []string
	for _, n := range b.on.Nodes {
		nodes = append(nodes, n.Name+": "+strings.Join(platformutil.Format(n.Builds), ","))
	}
	for _, o := range b.outputs {
		if err := b.checkPlatforms(o); err != nil {
			return err
		}
		if what := o.whole(); what != "" {
			return fmt.Errorf("%s, and the platforms are built on several (%s): use --push or -o DIR, or build for one platform at a time", what, strings.Join(nodes, "; "))
		}
	}
	return nil
}

// whole says why several nodes cannot write the output, "" where they can.
func (o output) whole() string {
	switch o.kind {
	case client.ExporterTar, client.ExporterOCI, client.ExporterDocker:
		return "-o type=" + o.kind + " is written by one node"
	case client.ExporterLocal:
		if o.attrs["mode"] == string(client.LocalExporterModeDelete) {
			return "-o type=local with mode=delete has each node delete what another one wrote"
		}
		if split, err := strconv.ParseBool(o.attrs["platform-split"]); err == nil && !split {
			return "-o type=local with platform-split=false has each node overwrite what another one wrote"
		}
	}
	return ""
}

// checkPlatforms does for annotations what BuildKit does where it builds all platforms.
func (b *builder) checkPlatforms(o output) error {
	for key := range o.attrs {
		a, is, err := exptypes.ParseAnnotationKey(key)
		if is && err == nil && a.Platform != nil && !slices.Contains(platformutil.Format(b.platforms), a.PlatformString()) {
			return fmt.Errorf("%s is for %s, which is not built: add it to --platform, or leave the annotation out", key, a.PlatformString())
		}
	}
	return nil
}
