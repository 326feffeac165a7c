package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/symbols"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
)

// symbolSource is where the symbols of a production image are: attached to it, or in a sidecar.
type symbolSource struct {
	repository registry.Reference // production's

	// production is the digest of the image, empty where it is not known.
	production string

	// from names the image that has them. builds are one for each platform.
	from   string
	builds []symbolBuild
}

// symbolBuild is the symbols of one platform before they are read.
type symbolBuild struct {
	symbols.About

	// size is that of what is read.
	size int64

	read func(dir string) (*symbols.Build, error)
}

// symbolsOf finds the symbols for a reference: of a sidecar itself, or of a production image
// or any of its debug images. What is attached to production counts first, unless it is to
// be attached.
func (s streams) symbolsOf(ctx context.Context, client *registry.Client, ref registry.Reference, digest string, attach bool) (*symbolSource, error) {
	list, err := client.List(ctx, ref, digest)
	if err != nil {
		return nil, err
	}
	source := &symbolSource{repository: list.Repository}
	named := slices.IndexFunc(list.Images, func(img registry.DebugImage) bool { return img.Is(ref, digest) })
	switch {
	case named >= 0 && isSidecar(list.Images[named]):
		img := list.Images[named]
		source.production = img.ProductionDigest
		return source, source.ofSidecar(ctx, client, img)
	case named >= 0 && list.Images[named].ProductionDigest != "":
		source.production = list.Images[named].ProductionDigest
	case list.Production != nil:
		source.production = list.Production.Digest
	default:
		return nil, fmt.Errorf("the production image of %s is not in the registry: name its sidecar", ref.Familiar())
	}
	if !attach {
		if err := source.attached(ctx, client); err != nil || len(source.builds) > 0 {
			return source, err
		}
	}
	img, err := s.sidecarOf(list, source.production)
	if err != nil {
		return nil, err
	}
	if img.ProductionDigest == "" {
		source.production = "" // nobody says so
	}
	return source, source.ofSidecar(ctx, client, *img)
}

func isSidecar(img registry.DebugImage) bool { return img.Labels.Kind == variants.KindSidecar }

// sidecarOf is the sidecar that is linked with a production image, else one that is not linked.
func (s streams) sidecarOf(list *registry.Listing, production string) (*registry.DebugImage, error) {
	stale := ""
	var unlinked *registry.DebugImage
	for i, img := range list.Images {
		switch {
		case !isSidecar(img):
		case img.ProductionDigest == production:
			return &list.Images[i], nil
		case img.ProductionDigest == "" && unlinked == nil:
			unlinked = &list.Images[i]
		case img.ProductionDigest != "":
			stale = nameOf(img)
		}
	}
	image := withDigest(list.Repository, production)
	switch {
	case unlinked != nil:
		s.tell(fmt.Sprintf("warning: nothing says that %s was derived from %s: link it with `dlvgen attach`", nameOf(*unlinked), image))
		return unlinked, nil
	case stale != "":
		return nil, fmt.Errorf("%s has no symbols in the registry: the sidecar %s was derived from another image that the tag named: derive it again", image, stale)
	}
	return nil, fmt.Errorf("%s has no symbols in the registry: push its sidecar with `dlvgen build --variant sidecar --push`, or `dlvgen derive --variant sidecar --push`", image)
}

// nameOf is a debug image by its tag, or its digest where it has none.
func nameOf(img registry.DebugImage) string {
	if ref, err := img.Repository.WithTag(img.Tag); err == nil {
		return ref.Familiar()
	}
	return withDigest(img.Repository, img.Digest)
}

// ofSidecar reads the plans of a sidecar.
func (f *symbolSource) ofSidecar(ctx context.Context, client *registry.Client, img registry.DebugImage) error {
	f.from = nameOf(img)
	plans, err := client.Plans(ctx, img.Repository, img.Digest)
	if err != nil {
		return err
	}
	for _, p := range plans {
		about, _, err := symbols.AboutPlan(p.Plan)
		if err != nil {
			return fmt.Errorf("%s (%s): %w", f.from, p.Platform, err)
		}
		about.Platform = p.Platform // as the registry has it
		b := symbolBuild{About: about, read: func(dir string) (*symbols.Build, error) { return symbols.FromImage(p.Image, p.Plan, dir) }}
		i := slices.IndexFunc(img.Platforms, func(one registry.PlatformSummary) bool { return one.Digest == p.Digest })
		if i >= 0 {
			b.size = img.Platforms[i].Size
		}
		f.builds = append(f.builds, b)
	}
	return nil
}

// attached reads what is attached to production.
func (f *symbolSource) attached(ctx context.Context, client *registry.Client) error {
	archives, err := client.Symbols(ctx, f.repository, f.production)
	if err != nil {
		return err
	}
	f.from = withDigest(f.repository, f.production)
	for _, a := range archives {
		about, err := symbols.ParseAnnotations(a.Annotations)
		if err != nil {
			return fmt.Errorf("the symbols that are attached to %s: %w", f.from, err)
		}
		f.builds = append(f.builds, symbolBuild{About: about, size: a.Size, read: func(dir string) (_ *symbols.Build, err error) {
			r, err := a.Open()
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, r.Close()) }()
			return symbols.FromArchive(r, dir)
		}})
	}
	return nil
}

// choose leaves only the builds of some platforms.
func (f *symbolSource) choose(platforms []string) error {
	if len(platforms) == 0 {
		return nil
	}
	var chosen []symbolBuild
	for _, p := range platforms {
		before := len(chosen)
		for _, b := range f.builds {
			if b.Platform == p {
				chosen = append(chosen, b)
			}
		}
		if len(chosen) == before {
			var has []string
			for _, b := range f.builds {
				has = append(has, b.Platform)
			}
			return fmt.Errorf("%s has no symbols for %s: it has those for %s", visible.Line(f.from), p, strings.Join(has, ", "))
		}
	}
	f.builds = chosen
	return nil
}
