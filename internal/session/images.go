package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/moby/client"
)

// Image is a debug image that an engine has or can pull.
type Image struct {
	// Ref is what the engine knows it by, or pulls: a tag, or REPOSITORY@DIGEST.
	Ref    string
	Labels variants.Labels

	// Why says how it was found, for people.
	Why string

	// Of is the digest of the production image that it was derived from, empty where
	// nothing says it.
	Of string

	// Linked says that it belongs to the very image that runs, not only to its name.
	Linked bool

	// Local says that the engine has it.
	Local bool
}

// Port is the port that its debugger listens at. One that no other container reaches is an error.
func (i Image) Port() (int, error) {
	host, port, err := variants.SplitAddress(i.Labels.Listen)
	switch {
	case err != nil:
		return 0, fmt.Errorf("the debug image %s: %w", i.Ref, err)
	case host != "" && host != "0.0.0.0" && host != "::":
		return 0, fmt.Errorf("the debugger of %s listens at %s in its container, which nothing outside reaches: build it with --listen :%d", i.Ref, i.Labels.Listen, port)
	}
	return port, nil
}

// Finder looks debug images up, in the engine that runs their production and in its registry.
type Finder struct {
	// Engine is nil where production runs elsewhere, in a cluster.
	Engine   *docker.Engine
	Registry *registry.Client
	Tell     func(line string)
}

// NoImageError says that nothing debugs what runs. Others are what there is beside.
type NoImageError struct {
	Production Production
	Kind       variants.Kind
	Others     []Image

	// Unread says why a registry could not be asked, nil where it was.
	Unread error

	// Pod says that it runs in a cluster, which pulls from a registry.
	Pod bool
}

func (e *NoImageError) Error() string {
	build := "dlvgen build"
	if len(e.Production.Tags) > 0 {
		build += " -t " + e.Production.Tags[0].Familiar()
	}
	out := " --load ."
	if len(e.Production.Digests) > 0 || e.Pod {
		out = " --push ."
	}
	return fmt.Sprintf("there is no %[1]s image of %[2]s: make one with `%[3]s --variant %[1]s%[4]s`, or with `dlvgen debug --build`, or without its Dockerfile with `dlvgen debug --derive`", e.Kind, e.Production, build, out)
}

// Details are what else there is.
func (e *NoImageError) Details() string {
	var b strings.Builder
	for _, other := range e.Others {
		switch {
		case other.Of != "" && !other.Linked:
			fmt.Fprintf(&b, "%s belongs to another build, %s.\n", other.Ref, other.Of)
		case other.Labels.Kind == variants.KindRemote && e.Pod:
			fmt.Fprintf(&b, "There is its remote variant, %s: put that into the manifest with `dlvgen kube`.\n", other.Ref)
		case other.Labels.Kind == variants.KindRemote && e.Kind == variants.KindSidecar:
			fmt.Fprintf(&b, "There is its remote variant, %s: run that in its place with --replace.\n", other.Ref)
		case other.Labels.Kind == variants.KindSidecar:
			fmt.Fprintf(&b, "There is its sidecar, %s: leave --replace out.\n", other.Ref)
		}
	}
	if e.Unread != nil {
		fmt.Fprintf(&b, "The registry could not be asked: %s\n", e.Unread)
	}
	return b.String()
}

// Unwrap is why a registry could not be asked.
func (e *NoImageError) Unwrap() error { return e.Unread }

// engineImage is an image that the engine has.
func (f Finder) engineImage(ctx context.Context, name string) (image client.ImageInspectResult, has bool, err error) {
	if f.Engine == nil {
		return image, false, nil
	}
	return f.Engine.Image(ctx, name)
}

// Named is the debug image that the user names.
func (f Finder) Named(ctx context.Context, name string) (Image, error) {
	answer, has, err := f.engineImage(ctx, name)
	if err != nil {
		return Image{}, err
	}
	img := Image{Ref: name, Why: "named by --image", Local: has}
	var labels map[string]string
	if has {
		if answer.Config != nil {
			labels = answer.Config.Labels
		}
	} else {
		ref, digest, err := registry.ParseImage(name)
		if err == nil && f.Engine == nil && digest == "" {
			if digest, _, err = f.Registry.Resolve(ctx, ref, ""); err == nil {
				img.Ref = ref.Repository() + "@" + digest // a node may have what the tag named before
			}
		}
		if err != nil {
			return Image{}, err
		}
		if labels, err = f.Registry.Labels(ctx, ref, digest); err != nil {
			return Image{}, err
		}
	}
	if !variants.Ours(labels) {
		return Image{}, fmt.Errorf("%s is no debug image of dlvgen: name one that `dlvgen build` printed", name)
	}
	img.Labels, err = variants.ParseLabels(labels)
	if err != nil {
		return Image{}, fmt.Errorf("%s has %w", name, err)
	}
	img.Of = img.Labels.Digest
	return img, nil
}

// Find is the debug image of a kind that belongs to what runs. First come those that a registry
// links with the digest that runs, then those that the engine has under the same name. A sidecar
// compares its symbols with the program itself; of another kind, only the name says it then.
// The error is a [*NoImageError], or the context's.
func (f Finder) Find(ctx context.Context, p Production, kind variants.Kind) (Image, error) {
	if p.Labels.Kind == kind || kind == variants.KindRemote && p.Labels.Kind.Serves() {
		_, has, err := f.engineImage(ctx, p.Name)
		return Image{Ref: p.Name, Labels: p.Labels, Local: has, Linked: true, Why: "it is a debug image itself"}, err
	}
	linked, unread := f.inRegistry(ctx, p)
	if ctx.Err() != nil {
		return Image{}, ctx.Err()
	}
	local, err := f.inEngine(ctx, p)
	if err != nil {
		return Image{}, err
	}
	all := slices.Concat(linked, local)
	slices.SortStableFunc(all, func(a, b Image) int { return cmp.Compare(rank(a), rank(b)) })
	for _, img := range all {
		another := img.Of != "" && !img.Linked
		unsure := !img.Linked && !img.Local && kind != variants.KindSidecar
		if img.Labels.Kind != kind || another || unsure {
			continue
		}
		if !img.Linked && kind != variants.KindSidecar {
			f.Tell(fmt.Sprintf("nothing but its name says that %s belongs to %s", img.Ref, p))
		}
		if unread != nil {
			f.Tell("the registry could not be asked: " + unread.Error())
		}
		return img, nil
	}
	return Image{}, &NoImageError{Production: p, Kind: kind, Others: all, Unread: unread, Pod: f.Engine == nil}
}

// rank orders images by how sure it is that they belong, and by how near they are.
func rank(img Image) int {
	switch {
	case img.Linked && img.Local:
		return 0
	case img.Linked:
		return 1
	case img.Local:
		return 2
	}
	return 3
}

// inRegistry are the debug images that registries list for the digests that run.
func (f Finder) inRegistry(ctx context.Context, p Production) (found []Image, unread error) {
	for _, one := range p.Digests {
		ref, digest, err := registry.ParseImage(one)
		if err != nil {
			continue
		}
		list, err := f.Registry.List(ctx, ref, digest)
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		images := list.Images
		if len(images) == 0 {
			images = f.byTag(ctx, p, ref)
		}
		for _, img := range images {
			if img.Problem != nil {
				f.Tell(fmt.Sprintf("%s is passed over: %s", img.Repository.Familiar()+"@"+img.Digest, img.Problem))
				continue
			}
			found = append(found, f.listed(ctx, p, img))
		}
	}
	return found, unread
}

// byTag are the debug images that belong to the tag of what runs: nothing links them with its
// digest.
func (f Finder) byTag(ctx context.Context, p Production, repository registry.Reference) []registry.DebugImage {
	for _, tag := range p.Tags {
		if tag.Other(repository) != "" {
			continue
		}
		if list, err := f.Registry.List(ctx, tag, ""); err == nil {
			return list.Images
		}
	}
	return nil
}

// listed is a debug image as a registry lists it.
func (f Finder) listed(ctx context.Context, p Production, img registry.DebugImage) Image {
	one := Image{
		Ref: img.Repository.Familiar() + "@" + img.Digest, Labels: img.Labels,
		Of: cmp.Or(img.ProductionDigest, img.Labels.Digest), Why: "the registry has it for the tag " + img.Tag,
	}
	if one.Linked = p.hasDigest(one.Of); one.Linked {
		one.Why = "the registry links it with " + one.Of
	}
	_, has, err := f.engineImage(ctx, one.Ref)
	one.Local = has && err == nil
	return one
}

// inEngine are the debug images that the engine has under a tag of what runs. A label alone
// says nothing: whoever made an image wrote it. The tag is the user's, or from production's own
// repository.
func (f Finder) inEngine(ctx context.Context, p Production) (found []Image, err error) {
	if f.Engine == nil {
		return nil, nil
	}
	for _, kind := range []variants.Kind{variants.KindSidecar, variants.KindRemote} {
		list, err := f.Engine.ImagesWith(ctx, variants.LabelKind, string(kind))
		if err != nil {
			return nil, err
		}
		for _, one := range list {
			labels, err := variants.ParseLabels(one.Labels)
			if err != nil || !variants.Ours(one.Labels) {
				continue
			}
			tag := p.debugTag(one.RepoTags, labels)
			if tag == "" {
				continue
			}
			img := Image{Ref: tag, Labels: labels, Of: labels.Digest, Linked: p.hasDigest(labels.Digest), Local: true, Why: "Docker Engine has it under the name of its production image"}
			if img.Linked {
				img.Why = "its label names " + img.Of
			}
			found = append(found, img)
		}
	}
	return found, nil
}

// debugTag is the one of an image's tags that makes it a debug image of what runs, "" for none.
func (p Production) debugTag(tags []string, labels variants.Labels) string {
	for _, text := range tags {
		ref, err := registry.Parse(text)
		if err != nil || !p.inRepository(ref) {
			continue
		}
		for _, own := range p.Tags {
			named, err := registry.Parse(labels.Reference)
			labelled := labels.Reference != "" && err == nil && named.Key() == own.Key()
			made := slices.ContainsFunc(variants.Known(), func(v variants.Variant) bool {
				return v.Kind == labels.Kind && ref.Tag() == own.Tag()+v.Suffix
			})
			if own.Other(ref) == "" && (labelled || made) {
				return ref.Familiar()
			}
		}
	}
	return ""
}
