package bake

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	"github.com/tonistiigi/go-csvvalue"
)

// output is one destination of every variant, parsed from -o, --push or --load.
type output struct {
	kind  string            // an exporter of BuildKit
	dest  string            // file, folder, or "-" for stdout
	attrs map[string]string // of the exporter; switches are "true" or "false"
}

// The exporters that need more than their name.
const (
	kindRegistry  = "registry" // buildx's name for an image that is pushed
	kindCacheOnly = "cacheonly"
)

// pushes says that the output is an image in a registry.
func (o output) pushes() bool { return o.kind == client.ExporterImage && o.attrs["push"] == "true" }

// stores says that the output is named in the image store that BuildKit's worker may have.
func (o output) stores() bool {
	return o.kind == client.ExporterImage && !o.pushes() && o.attrs["store"] != "false"
}

// loads says that the output is an image in Docker Engine.
func (o output) loads() bool { return o.kind == client.ExporterDocker && o.dest == "" }

// parseOutputs reads the destinations as buildx does: a bare path is a folder, "-" a
// tar file on stdout, --push and --load amend an output of their kind or add one.
func (o Options) parseOutputs() ([]output, error) {
	var outputs []output
	for _, arg := range o.Outputs {
		one, err := parseOutput(arg)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, one)
	}
	if o.Push {
		i := slices.IndexFunc(outputs, func(o output) bool { return o.kind == client.ExporterImage })
		if i < 0 {
			outputs = append(outputs, output{kind: client.ExporterImage, attrs: map[string]string{"push": "true", "unpack": "false"}})
		} else {
			outputs[i].attrs["push"] = "true"
		}
	}
	if o.Load && !slices.ContainsFunc(outputs, output.loads) {
		outputs = append(outputs, output{kind: client.ExporterDocker, attrs: map[string]string{}})
	}
	outputs = slices.DeleteFunc(outputs, func(o output) bool { return o.kind == kindCacheOnly })
	annotations, err := o.annotated()
	if err != nil {
		return nil, err
	}
	for _, one := range outputs {
		if exporterAttrs[one.kind]["name"] == naming { // an image
			maps.Copy(one.attrs, annotations)
		}
	}
	return outputs, checkOutputs(outputs)
}

// checkOutputs refuses what does not go together.
func checkOutputs(outputs []output) error {
	for _, once := range []struct {
		is   func(output) bool
		what string
	}{
		{output.pushes, "pushes"},
		{output.loads, "loads into Docker Engine"},
		{func(o output) bool { return o.dest == "-" }, "writes to stdout"},
		{output.imageFolder, "writes an image as a folder"},
	} {
		var matching int
		for _, o := range outputs {
			if once.is(o) {
				matching++
			}
		}
		if matching > 1 {
			return fmt.Errorf("more than one output %s: use only one of them", once.what)
		}
	}
	for _, o := range outputs {
		if o.pushes() && o.attrs["store"] == "true" {
			return errors.New("an output pushes and has store=true: give the store an output of its own, -o type=image")
		}
	}
	return checkFolders(outputs)
}

// parseOutput reads one -o.
func parseOutput(arg string) (output, error) {
	o := output{attrs: map[string]string{}}
	switch {
	case arg == "-":
		return output{kind: client.ExporterTar, dest: "-", attrs: o.attrs}, nil
	case !strings.Contains(arg, "="):
		return output{kind: client.ExporterLocal, dest: arg, attrs: o.attrs}, nil
	}
	var err error
	if o.kind, o.attrs, err = parseTyped("--output", arg); err != nil {
		return o, err
	}
	o.dest = o.attrs["dest"]
	delete(o.attrs, "dest")
	if o.kind == kindRegistry {
		o.kind = client.ExporterImage
		o.attrs["push"] = "true"
		if _, ok := o.attrs["unpack"]; !ok {
			o.attrs["unpack"] = "false"
		}
	}
	return o, o.check(arg)
}

func (o *output) check(arg string) error {
	if _, known := exporterAttrs[o.kind]; known {
		if err := o.checkAttrs(); err != nil {
			return fmt.Errorf("--output is %q: %w", arg, err)
		}
	}
	switch o.kind {
	case client.ExporterImage, kindCacheOnly:
		if o.dest != "" {
			return fmt.Errorf("--output is %q: type=%s takes no dest", arg, o.kind)
		}
	case client.ExporterLocal:
		if o.dest == "" || o.dest == "-" {
			return fmt.Errorf("--output is %q: type=local needs dest=FOLDER", arg)
		}
	case client.ExporterTar:
		if o.dest == "" {
			o.dest = "-"
		}
	case client.ExporterOCI, client.ExporterDocker:
		if o.folder() && (o.dest == "" || o.dest == "-") {
			return fmt.Errorf("--output is %q: tar=false needs dest=FOLDER", arg)
		}
		if o.dest == "" && o.kind == client.ExporterOCI {
			o.dest = "-"
		}
	default:
		known := []string{client.ExporterImage, kindRegistry, client.ExporterLocal, client.ExporterTar, client.ExporterOCI, client.ExporterDocker, kindCacheOnly}
		return fmt.Errorf("--output is %q: unknown type %q, did you mean %q? The types are %s",
			arg, o.kind, variants.Nearest(o.kind, known), strings.Join(known, ", "))
	}
	return nil
}

// folder says that the output is written as a tree of files.
func (o output) folder() bool { return o.kind == client.ExporterLocal || o.imageFolder() }

// imageFolder says that the output is an image in the layout of OCI.
func (o output) imageFolder() bool {
	return (o.kind == client.ExporterOCI || o.kind == client.ExporterDocker) && o.attrs["tar"] == "false"
}

// destination is where the output of one variant goes: with several variants, each
// has a file name with its suffix, or a folder below the given one.
func (o output) destination(img Image, several bool) string {
	if !several || o.dest == "" || o.dest == "-" {
		return o.dest
	}
	if o.folder() {
		return filepath.Join(o.dest, img.Preset)
	}
	dir, base := filepath.Split(o.dest)
	stem, ext := base, ""
	if i := strings.LastIndex(base, "."); i > 0 {
		stem, ext = base[:i], base[i:]
	}
	if strings.HasSuffix(stem, ".tar") { // .tar.gz and its like are one extension
		stem, ext = strings.TrimSuffix(stem, ".tar"), ".tar"+ext
	}
	return dir + stem + img.FileSuffix() + ext
}

// export is the output as an entry for BuildKit. refs are the image's references.
func (o output) export(dest string, refs []registry.Reference, s Streams) (client.ExportEntry, error) {
	e := client.ExportEntry{Type: o.kind, Attrs: maps.Clone(o.attrs)}
	switch o.kind {
	case client.ExporterImage, client.ExporterOCI, client.ExporterDocker:
		if len(refs) > 0 {
			e.Attrs["name"] = exporterName(refs)
		}
		if e.Attrs["force-compression"] == "" && o.loads() {
			// BuildKit would reuse what another output compressed with zstd, which not every
			// Docker Engine reads.
			e.Attrs["force-compression"] = "true"
		}
		setDefaults(e.Attrs)
	}
	switch {
	case dest == "":
	case o.folder():
		e.OutputDir = dest
	case dest == "-":
		if s.Terminal {
			return e, errTerminal
		}
		e.Output = func(map[string]string) (io.WriteCloser, error) { return keepOpen{s.Out}, nil }
	default:
		e.Output = func(map[string]string) (io.WriteCloser, error) { return createFile(dest) }
	}
	return e, nil
}

var errTerminal = errors.New("stdout is a terminal: redirect it, or give the output a file with dest=FILE")

// setDefaults says how images are written where the user does not. The lowest gzip
// level keeps the edit-to-breakpoint time short: debug information compresses well
// at any level, and a debug image is pulled once or twice.
func setDefaults(attrs map[string]string) {
	defaults := map[string]string{"oci-mediatypes": "true"}
	if _, chosen := attrs["compression"]; !chosen {
		defaults["compression"] = "gzip"
		defaults["compression-level"] = "1"
	}
	for key, value := range defaults {
		if _, given := attrs[key]; !given {
			attrs[key] = value
		}
	}
}

// setReproducible has the files of an image's own layers get the time of the image, so that
// every builder makes the same.
func setReproducible(attrs map[string]string) {
	if _, given := attrs["rewrite-timestamp"]; !given {
		attrs["rewrite-timestamp"] = "true"
	}
}

func createFile(path string) (io.WriteCloser, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("creating the output: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("creating the output: %w", err)
	}
	return &outputFile{file: f}, nil
}

// outputFile is a file that does not stay where it could not be written, as on a full disk: part
// of an archive is of no use to anybody.
type outputFile struct {
	file   *os.File
	failed bool
}

// Write implements io.Writer.
func (f *outputFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.failed = f.failed || err != nil
	return n, err
}

// Close implements io.Closer.
func (f *outputFile) Close() error {
	info, statErr := f.file.Stat()
	err := f.file.Close()
	if (f.failed || err != nil) && statErr == nil && info.Mode().IsRegular() {
		_ = os.Remove(f.file.Name())
	}
	return err
}

// keepOpen is a writer that stays open when an exporter closes it.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// parseTyped reads "type=T,key=value,...", as CSV.
func parseTyped(flag, arg string) (kind string, attrs map[string]string, err error) {
	fields, err := csvvalue.Fields(arg, nil)
	if err != nil {
		return "", nil, fmt.Errorf("%s is %q: %w", flag, arg, err)
	}
	attrs = map[string]string{}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			return "", nil, fmt.Errorf("%s is %q: %q must be KEY=VALUE", flag, arg, field)
		}
		attrs[strings.ToLower(strings.TrimSpace(key))] = value
	}
	kind, ok := attrs["type"]
	if !ok || kind == "" {
		return "", nil, fmt.Errorf("%s is %q: it must begin with type=", flag, arg)
	}
	delete(attrs, "type")
	return kind, attrs, nil
}
