package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// registryFlags are those of commands that work with a registry alone.
type registryFlags struct {
	insecure []string
	format   formatValue
}

func (f *registryFlags) register(fs *pflag.FlagSet) {
	fs.StringSliceVar(&f.insecure, "insecure-registry", nil, "registry HOST[:PORT] to use over plain HTTP or with an unknown certificate; loopback addresses need no flag")
	f.format.register(fs)
}

// client asks registries, and tells the user whom it waits for.
func (f *registryFlags) client(s streams) *registry.Client {
	return registry.New(registry.WithPatience(&patience.Patience{Tell: s.tell}), registry.WithInsecure(f.insecure...))
}

// oneImage wants one argument.
func oneImage(done string) cobra.PositionalArgs { return one("image", done) }

func one(what, done string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef(cmd, "one %s is %s at a time, and got %d names", what, done, len(args))
		}
		return nil
	}
}

// withDigest is an image as `dlvgen build` prints it.
func withDigest(ref registry.Reference, digest string) string {
	return ref.Familiar() + "@" + digest
}

// shortDigest is a digest as docker's tables have it.
func shortDigest(digest string) string {
	const digits = len("sha256:") + 12
	return digest[:min(digits, len(digest))]
}

// age is how docker says when something was made. Images that say nothing of it, or the
// beginning of 1970 so that each build gives the same, have none.
func age(created time.Time) string {
	if created.IsZero() {
		return "N/A"
	}
	return units.HumanDuration(time.Since(created)) + " ago"
}

func size(bytes int64) string { return units.HumanSizeWithPrecision(float64(bytes), 3) }

// grid is a table as docker prints them: three spaces between columns.
type grid struct{ *tabwriter.Writer }

func newGrid(w io.Writer, columns ...string) grid {
	t := grid{tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)}
	t.row(columns...)
	return t
}

func (t grid) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = visible.Line(cmp.Or(cell, "-"))
	}
	_, _ = fmt.Fprintln(t, strings.Join(cells, "\t"))
}

// imageRecord is an image in the output of --format json.
type imageRecord struct {
	Ref       string           `json:"ref,omitempty"`
	Digest    string           `json:"digest"`
	Size      int64            `json:"size"`
	Created   *time.Time       `json:"created,omitempty"`
	Platforms []platformRecord `json:"platforms"`
}

type platformRecord struct {
	Platform string `json:"platform"`
	Digest   string `json:"digest"`
	Size     int64  `json:"size"`
}

func newImageRecord(repository registry.Reference, tag string, sum *registry.Summary) imageRecord {
	record := imageRecord{Digest: sum.Digest, Size: sum.Size, Platforms: []platformRecord{}}
	if ref, err := repository.WithTag(tag); err == nil {
		record.Ref = ref.Familiar()
	}
	if !sum.Created.IsZero() {
		record.Created = &sum.Created
	}
	for _, p := range sum.Platforms {
		record.Platforms = append(record.Platforms, platformRecord{p.Platform, p.Digest, p.Size})
	}
	return record
}

// debugRecord is a debug image in the output of --format json.
type debugRecord struct {
	imageRecord
	Status     registry.Status `json:"status"`
	Production *linkRecord     `json:"production,omitempty"`
	Variant    string          `json:"variant,omitempty"`
	Preset     string          `json:"preset,omitempty"`
	Kind       string          `json:"kind,omitempty"`
	Sources    string          `json:"sources,omitempty"`
	Go         string          `json:"go,omitempty"`
	Delve      string          `json:"delve,omitempty"`
	Dlvgen     string          `json:"dlvgen,omitempty"`

	// Problem says why the image's labels cannot be read.
	Problem string `json:"problem,omitempty"`
}

// linkRecord is the production image that a debug image is linked with.
type linkRecord struct {
	// Repository is there where it is not the debug image's.
	Repository string `json:"repository,omitempty"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest,omitempty"`
}

func newDebugRecord(img registry.DebugImage) debugRecord {
	l := img.Labels
	record := debugRecord{
		imageRecord: newImageRecord(img.Repository, img.Tag, img.Summary), Status: img.Status, Variant: l.Variant, Preset: img.Preset(),
		Kind: string(l.Kind), Sources: string(l.Sources), Go: l.Go, Delve: l.Delve, Dlvgen: l.Version,
	}
	if img.ProductionTag != "" {
		record.Production = &linkRecord{Tag: img.ProductionTag, Digest: img.ProductionDigest}
		if img.ProductionRepository != "" {
			record.Production.Repository = familiar(img.ProductionRepository, "")
		}
	}
	if img.Problem != nil {
		record.Problem = img.Problem.Error()
	}
	return record
}

// familiar is a tag of a repository as users write it, or the repository where there is no tag.
func familiar(repository, tag string) string {
	ref, err := registry.Parse(repository)
	if err != nil {
		return repository + ":" + tag
	}
	if tag == "" {
		return strings.TrimSuffix(ref.Familiar(), ":"+ref.Tag())
	}
	if ref, err = ref.WithTag(tag); err != nil {
		return repository + ":" + tag
	}
	return ref.Familiar()
}

// timeOf is the zero time for none.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
