package bake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
)

// use is what dlvgen makes of an attribute of an exporter.
type use int

const (
	_       use = iota // an attribute that is not known may name something, and is not taken
	format             // decides what an image is made of, and so its digest
	handled            // a switch that dlvgen reads too
	passed             // BuildKit's alone: it names nothing, and the digest is the same
	naming             // names what is written, which -t does
)

// exporterAttrs are the exporters of BuildKit, with each attribute that one of them
// reads. What the table does not have is refused: it may be a way to write a name that
// [Request.names] does not know. A test compares it with BuildKit's source.
var exporterAttrs = map[string]map[string]use{
	client.ExporterImage: merged(imageAttrs, map[string]use{
		"push":                    handled,
		"registry.insecure":       handled,
		"store":                   handled,
		"unpack":                  passed,
		"name-canonical":          passed,
		"push-by-digest":          naming,
		"dangling-name-prefix":    naming,
		"danging-name-empty-only": naming, // sic
	}),
	client.ExporterOCI:    merged(imageAttrs, map[string]use{"tar": handled}),
	client.ExporterDocker: merged(imageAttrs, map[string]use{"tar": handled}),
	client.ExporterLocal:  fileAttrs,
	client.ExporterTar:    fileAttrs,
}

// imageAttrs are those of all exporters of images. Annotations belong to them too.
var imageAttrs = map[string]use{
	"name":                  naming,
	"oci-mediatypes":        format,
	"oci-artifact":          format,
	"attestation-inline":    format,
	"prefer-nondist-layers": format,
	"rewrite-timestamp":     format,
	"source-date-epoch":     format,
	"compression":           format,
	"force-compression":     format,
	"compression-level":     format,
}

// fileAttrs are those of the exporters of files.
var fileAttrs = map[string]use{
	"source-date-epoch":  passed,
	"attestation-prefix": passed,
	"platform-split":     passed,
	"mode":               passed,
	"src":                passed,
}

// cacheKind says what a cache exporter of BuildKit writes to.
type cacheKind int

const (
	_               cacheKind = iota
	cacheInRegistry           // a tag, which its attribute ref names
	cacheInImage              // the image itself
	cacheAside                // a folder or a service where names of images mean nothing
)

// cacheExporters are those of BuildKit; as with exporterAttrs, no other is taken.
var cacheExporters = map[string]cacheKind{
	"registry": cacheInRegistry,
	"inline":   cacheInImage,
	"local":    cacheAside,
	"gha":      cacheAside,
	"s3":       cacheAside,
	"azblob":   cacheAside,
}

func merged(tables ...map[string]use) map[string]use {
	all := map[string]use{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

// useOf looks an attribute of an exporter up.
func useOf(kind, key string) use {
	known := exporterAttrs[kind]
	if _, annotation, _ := exptypes.ParseAnnotationKey(key); annotation && known["name"] == naming {
		return format
	}
	return known[key]
}

// checkAttrs refuses the attributes that name something, or are not known, and gives
// switches the value that BuildKit reads from them.
func (o *output) checkAttrs() error {
	for _, key := range slices.Sorted(maps.Keys(o.attrs)) {
		switch useOf(o.kind, key) {
		case naming:
			return fmt.Errorf("the names of debug images derive from -t, so remove %s= and set the production reference with -t", key)
		case handled:
			on, err := isOn(o.attrs[key])
			if err != nil {
				return fmt.Errorf("%s is %q: it must be true or false", key, o.attrs[key])
			}
			o.attrs[key] = strconv.FormatBool(on)
		case format, passed:
		default:
			known := slices.Sorted(maps.Keys(exporterAttrs[o.kind]))
			return fmt.Errorf("type=%s has no attribute %q, did you mean %q? The attributes are %s",
				o.kind, key, variants.Nearest(key, known), strings.Join(known, ", "))
		}
	}
	return nil
}

// isOn reads a switch as BuildKit's exporters do: an empty value counts as true.
func isOn(value string) (bool, error) {
	if value == "" {
		return true, nil
	}
	return strconv.ParseBool(value)
}

// sameFormat says that two outputs make images of one digest.
func sameFormat(a, b output) bool {
	of := func(o output) map[string]string {
		attrs := maps.Clone(o.attrs)
		maps.DeleteFunc(attrs, func(key, _ string) bool { return useOf(o.kind, key) != format })
		setDefaults(attrs)
		return attrs
	}
	return maps.Equal(of(a), of(b))
}

// checkFolders refuses what BuildKit's client cannot tell apart: it writes the index of an
// image's folder from the answer of all exporters together.
func checkFolders(outputs []output) error {
	pushed := slices.IndexFunc(outputs, output.pushes)
	folder := slices.IndexFunc(outputs, output.imageFolder)
	if pushed >= 0 && folder >= 0 && !sameFormat(outputs[pushed], outputs[folder]) {
		return errors.New("the image in the folder and the one that is pushed are not the same: give both outputs the same compression and media types, or write the folder with a call of its own")
	}
	return nil
}
