package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/spf13/cobra"
)

func newPruneCommand(s streams) *cobra.Command {
	flags := &registryFlags{}
	var yes bool
	cmd := &cobra.Command{
		Use:   "prune REPOSITORY",
		Short: "Delete debug tags whose production tag is gone or has moved",
		Long: `Delete debug tags whose production tag is gone or has moved.

Without --yes, prints what would be deleted, and deletes nothing. Reads every
tag of the repository. Only tags of images that dlvgen made are deleted, with
what links them with production. A debug image that is not linked is deleted
only if its label names a production tag of the repository that is gone.

Production may be in another repository. If that cannot be read, the debug tags
stay.`,
		Example: `  dlvgen prune registry.example/app
  dlvgen prune registry.example/app --yes`,
		Args: one("repository", "pruned"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if repository, _, digested := strings.Cut(args[0], "@"); digested {
				return usagef(cmd, "%q has a digest, and whole repositories are pruned: write %s", args[0], repository)
			}
			ref, err := registry.Parse(args[0])
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if strings.HasSuffix(args[0], ":"+ref.Tag()) {
				return usagef(cmd, "%q has a tag, and whole repositories are pruned: write %s", args[0], strings.TrimSuffix(args[0], ":"+ref.Tag()))
			}
			return s.prune(cmd.Context(), flags, ref, yes)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "delete the tags")
	flags.register(cmd.Flags())
	return cmd
}

// pruneRecord is one debug tag in the output of --format json.
type pruneRecord struct {
	debugRecord
	Deleted bool   `json:"deleted"`
	Error   string `json:"error,omitempty"`
}

func (s streams) prune(ctx context.Context, flags *registryFlags, ref registry.Reference, yes bool) error {
	client := flags.client(s)
	left, all, err := client.Leftovers(ctx, ref)
	if err != nil {
		return err
	}
	records := []pruneRecord{}
	var failed []error
	var stopped error
	deleted, kept, told := 0, 0, map[string]bool{}
	for _, img := range left {
		record := pruneRecord{debugRecord: newDebugRecord(img)}
		if img.Status == registry.Unknown {
			kept++
			record.Error = img.Unread.Error()
			s.tellKept(told, img)
		}
		if yes && img.Status != registry.Unknown {
			var refused *registry.DeletionError
			var link *registry.LinkError
			err := client.Delete(ctx, ref, img)
			switch {
			case errors.As(err, &link):
				s.tell("warning: " + err.Error())
				record.Deleted = true
				deleted++
			case errors.As(err, &refused), ctx.Err() != nil:
				stopped = err // so would the others be
			case err != nil:
				record.Error = err.Error()
				failed = append(failed, err)
			default:
				record.Deleted = true
				deleted++
			}
		}
		if stopped != nil {
			break
		}
		records = append(records, record)
	}
	if stopped != nil && deleted == 0 {
		return stopped
	}
	if err := s.printPruned(flags.format, records); err != nil {
		return err
	}
	switch {
	case stopped != nil:
		return stopped
	case len(failed) > 0:
		for _, err := range failed {
			s.tell(err.Error())
		}
		return fmt.Errorf("%d of %d debug tags were not deleted", len(failed), len(left))
	case all == 0:
		s.tell(fmt.Sprintf("nothing to delete: %s has no debug tags", ref.Repository()))
	case len(left) == kept:
		s.tell(fmt.Sprintf("nothing to delete: %s has %s, and none whose production tag is known to be gone or to have moved", ref.Repository(), count(all, "debug tag")))
	case !yes:
		s.tell(fmt.Sprintf("nothing was deleted: run it again with --yes to delete %s of %d", count(len(left)-kept, "debug tag"), all))
	}
	return nil
}

// tellKept says once of each production repository why debug tags stay.
func (s streams) tellKept(told map[string]bool, img registry.DebugImage) {
	if !told[img.ProductionRepository] {
		told[img.ProductionRepository] = true
		s.tell(fmt.Sprintf("warning: debug tags stay whose production image is in %s, which cannot be read: %s", familiar(img.ProductionRepository, ""), img.Unread))
	}
}

func (s streams) printPruned(format formatValue, records []pruneRecord) error {
	if format == formatJSON {
		return writeJSON(s.out, records)
	}
	if len(records) == 0 {
		return nil
	}
	t := newGrid(s.out, "TAG", "DIGEST", "VARIANT", "PRODUCTION", "CREATED", "SIZE", "STATUS")
	for _, r := range records {
		production, status := "", string(r.Status)
		if r.Production != nil {
			production = r.Production.Tag
			if r.Production.Repository != "" {
				production = familiar(r.Production.Repository, production)
			}
		}
		switch {
		case r.Deleted:
			status += ", deleted"
		case r.Error != "":
			status += ", kept"
		}
		created := age(timeOf(r.Created))
		t.row(r.Ref[strings.LastIndexByte(r.Ref, ':')+1:], shortDigest(r.Digest), r.Preset, production, created, size(r.Size), status)
	}
	return t.Flush()
}

// count is a number with what it counts.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
