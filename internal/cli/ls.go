package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/spf13/cobra"
)

func newLsCommand(s streams) *cobra.Command {
	flags := &registryFlags{}
	var noTrunc bool
	cmd := &cobra.Command{
		Use:   "ls REF",
		Short: "List the debug images of a production image in a registry",
		Long: `List the debug images of a production image in a registry.

REF is the production image or one of its debug images, by tag or by digest,
also that of one platform. A digest finds the debug images that were linked with
it, also when tags have moved since.

STATUS is "current" if the debug image belongs to what production's tag names
now, "stale" if production's tag has moved since, "gone" if it is deleted, and
"unlinked" if nothing says which image it was derived from: link such images
with "dlvgen attach". It is "unknown" if production is in another
repository that cannot be read. SIZE is what is pulled for one platform.

Debug images in another repository are shown with its name.`,
		Example: `  dlvgen ls registry.example/app:v1
  dlvgen ls registry.example/app@sha256:3f1c... --format json`,
		Args: oneImage("listed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, digest, err := registry.ParseImage(args[0])
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return s.list(cmd.Context(), flags, ref, digest, noTrunc)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&noTrunc, "no-trunc", false, "print whole digests, and all platforms")
	flags.register(cmd.Flags())
	return cmd
}

func (s streams) list(ctx context.Context, flags *registryFlags, ref registry.Reference, digest string, noTrunc bool) error {
	list, err := flags.client(s).List(ctx, ref, digest)
	if err != nil {
		return err
	}
	s.warnListed(list)
	if flags.format == formatJSON {
		return writeJSON(s.out, newListRecord(list))
	}
	shownDigest, shownPlatforms := shortDigest, short
	if noTrunc {
		shownDigest = func(digest string) string { return digest }
		shownPlatforms = func(platforms []string) string { return strings.Join(platforms, ",") }
	}
	t := newGrid(s.out, "VARIANT", "TAG", "DIGEST", "PLATFORMS", "GO", "DELVE", "CREATED", "SIZE", "STATUS")
	row := func(name, tag string, sum *registry.Summary, status registry.Status) {
		var platforms []string
		for _, p := range sum.Platforms {
			platforms = append(platforms, p.Platform)
		}
		t.row(name, tag, shownDigest(sum.Digest), shownPlatforms(platforms), strings.TrimPrefix(sum.Labels.Go, "go"), sum.Labels.Delve,
			age(sum.Created), size(sum.Size), string(status))
	}
	if list.Production != nil {
		row(bake.Production, list.ProductionTag, list.Production, "")
	}
	for _, img := range list.Images {
		tag := img.Tag
		if list.Repository.Other(img.Repository) != "" {
			tag = familiar(img.Repository.Repository(), tag)
		}
		row(img.Preset(), tag, img.Summary, img.Status)
	}
	return t.Flush()
}

// warnListed says what is wrong with what was found.
func (s streams) warnListed(list *registry.Listing) {
	for _, img := range list.Images {
		if img.Problem != nil {
			s.tell("warning: " + withDigest(img.Repository, img.Digest) + " has " + img.Problem.Error())
		}
	}
	switch {
	case list.Part != "":
		s.tell(fmt.Sprintf("%s is one platform of %s", withDigest(list.Repository, list.Part), shortDigest(list.Production.Digest)))
	case list.Unsearched > 0:
		s.tell(fmt.Sprintf("the repository has %d tags, too many to look for an image that has this one as a platform: name the image by its tag", list.Unsearched))
	}
	for _, err := range list.Unread {
		s.tell("warning: debug images may be missing from the list: " + err.Error())
	}
	if len(list.Images) == 0 {
		s.tell("it has no debug images: push them with `dlvgen build --push`")
	}
	for _, img := range list.Images {
		if production := cmp.Or(img.ProductionTag, list.ProductionTag); list.Repository.Other(img.Repository) == "" && registry.IsPrerelease(production, img.Tag) {
			s.tell(bake.PrereleaseWarning(production, img.Tag))
			return
		}
	}
}

// listRecord is the output of --format json.
type listRecord struct {
	Repository string `json:"repository"`

	// Production is missing where its tag names nothing.
	Production *imageRecord  `json:"production,omitempty"`
	Images     []debugRecord `json:"images"`

	// Unread says which other repositories could not be read.
	Unread []string `json:"unread,omitempty"`
}

func newListRecord(list *registry.Listing) listRecord {
	record := listRecord{Repository: list.Repository.Familiar(), Images: []debugRecord{}}
	if list.Production != nil {
		production := newImageRecord(list.Repository, list.ProductionTag, list.Production)
		record.Production = &production
	}
	for _, img := range list.Images {
		record.Images = append(record.Images, newDebugRecord(img))
	}
	for _, err := range list.Unread {
		record.Unread = append(record.Unread, err.Error())
	}
	return record
}
