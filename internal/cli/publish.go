package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
)

// publisher moves debug tags, in registries that are reached safely and in those
// that the user allowed to be reached otherwise.
type publisher struct {
	request  *request
	safe     *registry.Client
	insecure *registry.Client
}

func (b *builder) newPublisher() *publisher {
	production := registry.WithProduction(b.production...)
	version, _ := versions()
	agent := registry.WithUserAgent("dlvgen/" + version)
	return &publisher{
		request:  b.request,
		safe:     registry.New(variants.LabelVersion, production, agent),
		insecure: registry.New(variants.LabelVersion, production, agent, registry.WithInsecure()),
	}
}

func (p *publisher) client(ref registry.Reference) *registry.Client {
	if p.request.isInsecure(ref) {
		return p.insecure
	}
	return p.safe
}

// isInsecure says that --insecure-registry names the reference's registry.
func (r *request) isInsecure(ref registry.Reference) bool {
	return slices.Contains(r.flags.insecure, ref.Host())
}

// guard fails where a debug tag exists that is not dlvgen's, before anything is built.
func (p *publisher) guard(ctx context.Context) error {
	if !p.request.pushes() {
		return nil
	}
	for _, preset := range p.request.presets {
		refs, err := p.request.references(preset)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if err := p.client(ref).Guard(ctx, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// move verifies what was pushed by digest, and moves the tags when all of it is in
// order.
func (p *publisher) move(ctx context.Context, results []*result) error {
	if !p.request.pushes() {
		return nil
	}
	pending := map[*registry.Client][]registry.Pending{}
	for _, res := range results {
		for _, ref := range res.refs {
			c := p.client(ref)
			pending[c] = append(pending[c], registry.Pending{Ref: ref, Digest: res.digest()})
		}
	}
	if len(pending) > 1 {
		// Each client moves its own only when they are all in order: look at all first.
		for c, list := range pending {
			for _, one := range list {
				if _, err := c.Verify(ctx, one.Ref, one.Digest); err != nil {
					return err
				}
			}
		}
	}
	for _, c := range []*registry.Client{p.safe, p.insecure} {
		if len(pending[c]) == 0 {
			continue
		}
		if _, err := c.Move(ctx, pending[c]); err != nil {
			return err
		}
	}
	return nil
}

// pushExports push a variant's image by digest to each of its repositories, those of
// insecure registries by an export of their own.
func (b *builder) pushExports(o output, res *result) ([]client.ExportEntry, error) {
	var entries []client.ExportEntry
	for _, insecure := range []bool{false, true} {
		var repositories []string
		for _, ref := range res.refs {
			if b.isInsecure(ref) == insecure && !slices.Contains(repositories, ref.Repository()) {
				repositories = append(repositories, ref.Repository())
			}
		}
		if len(repositories) == 0 {
			continue
		}
		attrs := maps.Clone(o.attrs)
		attrs["name"] = strings.Join(repositories, ",")
		attrs["push"] = "true"
		attrs["push-by-digest"] = "true"
		if insecure {
			attrs["registry.insecure"] = "true"
		}
		setDefaults(attrs)
		entries = append(entries, client.ExportEntry{Type: client.ExporterImage, Attrs: attrs})
	}
	return entries, nil
}
