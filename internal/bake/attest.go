package bake

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/attestations"
	"github.com/moby/buildkit/util/apicaps"
)

// attestPrefix marks the attributes that ask for attestations.
const attestPrefix = "attest:"

// capAttestations is of builders that attach attestations: BuildKit 0.11 and later.
const capAttestations = apicaps.CapID("exporter.image.attestations")

// attestAttrs reads --attest, and --provenance and --sbom, which are short for it, as buildx
// does: of several of one type the last counts.
func (o Options) attestAttrs() (map[string]string, error) {
	attrs := map[string]string{}
	set := func(flag, arg string) error {
		kind, values, err := parseTyped(flag, arg)
		if err != nil {
			return err
		}
		if known := []string{attestations.KeyTypeSbom, attestations.KeyTypeProvenance}; !slices.Contains(known, kind) {
			return fmt.Errorf("%s is %q: unknown type %q, did you mean %q? The types are %s",
				flag, arg, kind, variants.Nearest(kind, known), strings.Join(known, ", "))
		}
		disabled := false
		if value, given := values["disabled"]; given {
			if disabled, err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("%s is %q: disabled must be true or false", flag, arg)
			}
		}
		if delete(attrs, attestPrefix+kind); !disabled {
			attrs[attestPrefix+kind] = arg
		}
		return nil
	}
	for _, arg := range o.Attests {
		if err := set("--attest", arg); err != nil {
			return nil, err
		}
	}
	for _, short := range []struct{ kind, value string }{
		{attestations.KeyTypeProvenance, o.Provenance}, {attestations.KeyTypeSbom, o.SBOM},
	} {
		if short.value == "" {
			continue
		}
		arg := "type=" + short.kind
		if on, err := strconv.ParseBool(short.value); err != nil {
			arg += "," + short.value
		} else if !on {
			arg += ",disabled=true"
		}
		if err := set("--"+short.kind, arg); err != nil {
			return nil, err
		}
	}
	return attrs, nil
}

// attests says that attestations are asked for.
func (r *Request) attests() bool {
	for name := range r.attrs {
		if strings.HasPrefix(name, attestPrefix) {
			return true
		}
	}
	return false
}

// checkAttests refuses attestations where an output is an image that has no place for them.
func (r *Request) checkAttests() error {
	if !r.attests() {
		return nil
	}
	for _, o := range r.outputs {
		if o.kind == client.ExporterDocker && !o.loads() {
			return errors.New("an image for Docker Engine (-o type=docker) has no attestations: use --push, or -o type=oci,dest=FILE")
		}
	}
	return nil
}

// errNoAttestations is for builders that would leave them out and say nothing.
var errNoAttestations = errors.New("this builder cannot attach attestations (--attest, --sbom, --provenance): it needs BuildKit 0.11 or later")

// checkAnnotations refuses annotations of an index where the image is none, which BuildKit
// does after it has built.
func (r *Request) checkAnnotations() error {
	if len(r.platforms) > 1 || r.attests() || r.attrs["multi-platform"] == "true" {
		return nil
	}
	for _, o := range r.outputs {
		for key := range o.attrs {
			a, is, err := exptypes.ParseAnnotationKey(key)
			if is && err == nil && (a.Type == exptypes.AnnotationIndex || a.Type == exptypes.AnnotationIndexDescriptor) {
				return fmt.Errorf("the annotation %s is for an index, and an image of one platform has none: add --provenance true, or build for several platforms", a.Key)
			}
		}
	}
	return nil
}

// annotated are annotations of buildx's --annotation, [TYPE[PLATFORM]:]KEY=VALUE, as attributes
// of the exporters of images.
func (o Options) annotated() (map[string]string, error) {
	attrs := map[string]string{}
	for _, arg := range o.Annotations {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fmt.Errorf("--annotation is %q: it must be [TYPE:]KEY=VALUE", arg)
		}
		types, key, typed := strings.Cut(name, ":")
		if !typed {
			types, key = "", name
		}
		for one := range strings.SplitSeq(types, ",") {
			k, err := annotationKey(one, key)
			if err != nil {
				return nil, fmt.Errorf("--annotation is %q: %w", arg, err)
			}
			attrs[k.String()] = value
		}
	}
	return attrs, nil
}

var annotationType = regexp.MustCompile(`^([a-z-]*)(?:\[([A-Za-z0-9_/-]+)\])?$`)

func annotationKey(typed, key string) (exptypes.AnnotationKey, error) {
	k := exptypes.AnnotationKey{Key: key}
	known := []string{exptypes.AnnotationManifest, exptypes.AnnotationManifestDescriptor, exptypes.AnnotationIndex, exptypes.AnnotationIndexDescriptor}
	words := annotationType.FindStringSubmatch(typed)
	if typed != "" && (len(words) == 0 || !slices.Contains(known, words[1])) {
		return k, fmt.Errorf("%q is no type: the types are %s, each with [PLATFORM] where it is for one", typed, strings.Join(known, ", "))
	}
	if k.Type = words[1]; words[2] != "" {
		p, err := platforms.Parse(words[2])
		if err != nil {
			return k, err
		}
		k.Platform = &p
	}
	return k, nil
}
