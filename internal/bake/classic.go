package bake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
)

// exporterMoby is that of Docker Engine's own builder: it puts an image in the engine's store.
const exporterMoby = "moby"

// checkClassic refuses what a builder cannot do whose images leave through the engine's store
// alone.
func (r *Request) checkClassic() error {
	what := ""
	files, image := 0, false
	for _, o := range r.outputs {
		switch {
		case o.kind == client.ExporterOCI, o.imageFolder():
			what = "write images in the layout of OCI (use type=docker,dest=FILE)"
		case o.kind == client.ExporterLocal, o.kind == client.ExporterTar:
			files++
		default:
			image = true
		}
		for _, key := range slices.Sorted(maps.Keys(o.attrs)) {
			if useOf(o.kind, key) == format && !classicTakes(o, key) {
				what = fmt.Sprintf("write images with %s=%s", key, o.attrs[key])
			}
		}
	}
	switch {
	case files > 1, files > 0 && image:
		what = "write files and another output in one call"
	case strings.Contains(r.attrs["platform"], ","):
		what = "build for several platforms in one call"
	}
	for _, c := range r.cacheTo {
		if cacheExporters[c.Type] != cacheInImage {
			what = "export a cache of type=" + c.Type
		}
	}
	if r.attests() {
		what = "attach attestations"
	}
	if what == "" || r.dryRun {
		return nil
	}
	return fmt.Errorf("Docker Engine's builder cannot %s: turn on its containerd image store (Docker Engine 25.0 or later), or take another builder with --builder or --addr", what)
}

// classicTakes says that what Push writes is as an attribute asks.
func classicTakes(o output, key string) bool {
	value := o.attrs[key]
	switch key {
	case "compression":
		return value == "gzip"
	case "oci-mediatypes", "compression-level", "force-compression", "attestation-inline", "prefer-nondist-layers", "oci-artifact":
		return true
	}
	return false
}

// classicExports are one variant's on such a builder: files, or one image in the store, with
// names where it is to stay there.
func (b *builder) classicExports(res *Result) ([]client.ExportEntry, error) {
	attrs, image := map[string]string{}, false
	for _, o := range b.outputs {
		dest := o.destination(res.Image, len(b.images) > 1)
		if dest != "" && dest != "-" {
			res.Files = append(res.Files, dest)
		}
		switch {
		case o.kind == client.ExporterLocal, o.kind == client.ExporterTar:
			entry, err := o.export(dest, res.Refs, b.streams)
			return []client.ExportEntry{entry}, err
		case dest == "-" && b.streams.Terminal:
			return nil, errTerminal
		case o.loads(), o.stores():
			attrs["name"] = exporterName(res.Refs)
		}
		image = true
	}
	if !image {
		return nil, nil
	}
	return []client.ExportEntry{{Type: exporterMoby, Attrs: attrs}}, nil
}

// exporterName are references as an exporter's attribute has them.
func exporterName(refs []registry.Reference) string {
	var names []string
	for _, ref := range refs {
		names = append(names, ref.String())
	}
	return strings.Join(names, ",")
}

// takeImages takes the images out of the engine's store that are to be pushed or written to
// files. Tags of registries stay as they are: [builder.move] moves them, as ever.
func (b *builder) takeImages(ctx context.Context, results []*Result) error {
	if !b.classic() || b.dryRun {
		return nil
	}
	leaves := func(o output) bool { return o.pushes() || o.kind == client.ExporterDocker && o.dest != "" }
	if !slices.ContainsFunc(b.outputs, leaves) {
		return nil
	}
	for _, res := range results {
		if err := b.takeImage(ctx, res); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) takeImage(ctx context.Context, res *Result) error {
	id := res.Response[exptypes.ExporterImageConfigDigestKey]
	if id == "" { // BuildKit before 0.10
		id = res.Digest()
	}
	archive, err := saved(ctx, b.engine, id)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }()
	for _, o := range b.outputs {
		switch {
		case o.pushes():
			b.notify("pushing the image of variant " + res.Preset + " from Docker Engine")
			digest, err := b.registry.Push(ctx, archive, o.pushFormat(), res.Refs, append(slices.Clone(b.production), res.Refs...))
			if err != nil {
				return err
			}
			res.Response[exptypes.ExporterImageConfigDigestKey] = id
			res.Response[exptypes.ExporterImageDigestKey] = digest
		case o.kind == client.ExporterDocker && o.dest != "":
			if err := o.write(archive, o.destination(res.Image, len(b.images) > 1), res.Refs, b.streams.Out); err != nil {
				return err
			}
		}
	}
	b.engine.Forget(ctx, id)
	return nil
}

// write writes an archive to the output's file.
func (o output) write(archive *registry.Archive, dest string, refs []registry.Reference, stdout io.Writer) error {
	if dest == "-" {
		return archive.Write(stdout, refs)
	}
	file, err := createFile(dest)
	if err != nil {
		return err
	}
	return errors.Join(archive.Write(file, refs), file.Close())
}

// pushFormat is how the output's image is pushed.
func (o output) pushFormat() registry.Format {
	attrs := maps.Clone(o.attrs)
	setDefaults(attrs)
	oci, _ := strconv.ParseBool(attrs["oci-mediatypes"])
	level, _ := strconv.Atoi(attrs["compression-level"])
	return registry.Format{OCI: oci, Level: level}
}

// saved reads an image from the engine.
func saved(ctx context.Context, e *docker.Engine, id string) (*registry.Archive, error) {
	r, err := e.ImageSave(ctx, []string{id})
	if err != nil {
		return nil, fmt.Errorf("reading the image from Docker Engine: %w", err)
	}
	defer func() { _ = r.Close() }()
	return registry.NewArchive(r)
}
