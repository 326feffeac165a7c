package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/spf13/pflag"
)

// tagsFlags are the flags of `dlvgen derive` for many tags.
type tagsFlags struct{ bake.ManyTags }

func (f *tagsFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.Included, "all-tags", nil, "derive from all tags of the repository REF that match a pattern, such as 'v1.*'")
	fs.StringArrayVar(&f.Excluded, "exclude-tags", nil, "leave out tags that match a pattern")
	fs.IntVar(&f.Jobs, "jobs", bake.DefaultJobs, "how many images are derived at the same time")
	fs.BoolVar(&f.Recheck, "recheck", false, "ask the registry what debug tags name that were derived before")
}

// check refuses what --all-tags is missing for.
func (f *tagsFlags) check(fs *pflag.FlagSet) error {
	for _, name := range []string{"exclude-tags", "jobs", "recheck"} {
		if fs.Changed(name) && !fs.Changed("all-tags") {
			return fmt.Errorf("--%s is for several tags: add --all-tags with a pattern, such as --all-tags 'v1.*'", name)
		}
	}
	return nil
}

// tagsDerivation reads and checks the flags for many tags.
func (f *buildFlags) tagsDerivation(from bake.Published, many bake.ManyTags, env bake.Environment) (*bake.Tags, error) {
	if err := f.derivedVariants(); err != nil {
		return nil, err
	}
	if f.metadataFile != "" {
		return nil, errors.New("--metadata-file has the variants of one image: with --all-tags, use --format json")
	}
	many.Repository, many.Source, many.AllowMismatch = from.Ref, from.Source, from.AllowMismatch
	return bake.NewTags(many, f.Options, env)
}

// deriveTags derives from many tags. What was derived is printed when it is there, as
// `dlvgen build` prints it, or at the end as JSON, with what was not.
func (s streams) deriveTags(ctx context.Context, flags *buildFlags, t *bake.Tags) error {
	view := newTagsView(s, t, flags.format)
	streams := s.forBuild()
	streams.Tell = view.tell
	groups, err := t.Derive(ctx, streams, view)
	view.close()
	if len(groups) == 0 {
		return err
	}
	switch {
	case flags.format == formatJSON:
		err = errors.Join(err, writeJSON(s.out, tagRecords(groups)))
	case flags.DryRun:
		err = errors.Join(err, s.printTags(groups))
	}
	if err != nil {
		if ctx.Err() != nil {
			view.tell(tally(groups))
		}
		return err
	}
	view.say(tally(groups))
	return outcome(groups)
}

// tagRecord is one production tag in the output of --format json.
type tagRecord struct {
	Ref    string           `json:"ref"`
	Digest string           `json:"digest,omitempty"`
	Status bake.TagStatus   `json:"status"`
	Reason string           `json:"reason,omitempty"`
	Images []tagImageRecord `json:"images"`
}

// tagImageRecord is one debug tag, without a digest where it was not derived.
type tagImageRecord struct {
	Variant string `json:"variant"`
	Ref     string `json:"ref"`
	Digest  string `json:"digest,omitempty"`
}

func tagRecords(groups []*bake.TagGroup) []tagRecord {
	records := []tagRecord{}
	for _, g := range groups {
		for _, tag := range g.Tags {
			r := tagRecord{Ref: g.Repository.Familiar(), Digest: g.Digest, Status: g.Status, Images: []tagImageRecord{}}
			if ref, err := g.Repository.WithTag(tag); err == nil {
				r.Ref = ref.Familiar()
			}
			if g.Err != nil {
				r.Reason, _ = reason(g.Err)
			}
			for _, img := range g.ImagesOf(tag) {
				r.Images = append(r.Images, tagImageRecord{img.Preset, img.Ref.Familiar(), img.Digest})
			}
			records = append(records, r)
		}
	}
	return records
}

// printTags is the output of a dry run.
func (s streams) printTags(groups []*bake.TagGroup) error {
	t := newGrid(s.out, "TAG", "DIGEST", "STATUS", "DEBUG TAGS")
	for _, g := range groups {
		for _, tag := range g.Tags {
			var debug []string
			for _, img := range g.ImagesOf(tag) {
				name := img.Ref.Tag()
				if g.Repository.Other(img.Ref) != "" {
					name = img.Ref.Familiar()
				}
				debug = append(debug, name)
			}
			detail := strings.Join(debug, ", ")
			if g.Err != nil {
				detail, _ = reason(g.Err)
			}
			t.row(tag, shortDigest(g.Digest), string(g.Status), detail)
		}
	}
	return t.Flush()
}

// tally says how many tags have come to what.
func tally(groups []*bake.TagGroup) string {
	var parts []string
	for _, status := range []bake.TagStatus{
		bake.TagDerived, bake.TagNew, bake.TagSkipped, bake.TagIgnored, bake.TagRefused, bake.TagFailed, bake.TagLeft,
	} {
		if n := countTags(groups, status); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	return count(countTags(groups, ""), "tag") + ": " + strings.Join(parts, ", ")
}

// countTags counts the tags of one status, or all.
func countTags(groups []*bake.TagGroup, status bake.TagStatus) (n int) {
	for _, g := range groups {
		if status == "" || g.Status == status {
			n += len(g.Tags)
		}
	}
	return n
}

// outcome is an error where a tag failed, or where none has a debug image at the end.
func outcome(groups []*bake.TagGroup) error {
	failed, all := countTags(groups, bake.TagFailed), countTags(groups, "")
	left := countTags(groups, bake.TagRefused) + countTags(groups, bake.TagIgnored)
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %s failed: `dlvgen derive` with one of them shows more", failed, count(all, "tag"))
	case left == all:
		return fmt.Errorf("there can be no debug image of %s: `dlvgen derive` with one tag shows why", count(all, "tag"))
	}
	return nil
}
