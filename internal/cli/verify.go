package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/dlvgen/dlvgen/internal/imagecheck"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/spf13/cobra"
)

func newVerifyCommand(s streams) *cobra.Command {
	flags := &registryFlags{}
	cmd := &cobra.Command{
		Use:   "verify REF",
		Short: "Check what is in a debug image in a registry",
		Long: `Check what is in a debug image in a registry.

Reads every layer of the image, for each platform, and checks that

  - the registry has all of it, and its labels say what its plan says
  - the program has debug information and is not optimized
  - Delve is static, and the file that this dlvgen puts into images
  - no layer has sources, or all sources of the main module are there
  - dlvgen added no file that is named like one with secrets
  - production's tag names the image that the debug image was linked with

Nothing is run. REF is a tag or a digest. The exit code is 1 if a check fails.`,
		Example: `  dlvgen verify registry.example/app:v1-debug
  dlvgen verify registry.example/app:v1-debug --format json`,
		Args: oneImage("verified"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, digest, err := registry.ParseImage(args[0])
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return s.verify(cmd.Context(), flags, ref, digest)
		},
	}
	cmd.Flags().SortFlags = false
	flags.register(cmd.Flags())
	return cmd
}

// verifyRecord is one image in the output of --format json.
type verifyRecord struct {
	Platform string             `json:"platform"`
	Digest   string             `json:"digest"`
	Checks   []imagecheck.Check `json:"checks"`
}

func (s streams) verify(ctx context.Context, flags *registryFlags, ref registry.Reference, digest string) error {
	client := flags.client(s)
	digest, link, err := checkLink(ctx, client, ref, digest)
	if err != nil {
		return err
	}
	if err := client.Verify(ctx, ref, digest); err != nil {
		return err
	}
	plans, err := client.Plans(ctx, ref, digest)
	if err != nil {
		return err
	}
	var records []verifyRecord
	for _, p := range plans {
		s.tell(fmt.Sprintf("reading the layers of %s (%s)", withDigest(ref, p.Digest), p.Platform))
		checks, err := imagecheck.Image(p.Image, p.Plan, pinnedDelve(p.Plan.Version))
		if err != nil {
			return fmt.Errorf("reading %s: %w", withDigest(ref, p.Digest), err)
		}
		records = append(records, verifyRecord{p.Platform, p.Digest, append(checks, link)})
	}
	if err := s.printVerified(flags.format, ref, records); err != nil {
		return err
	}
	all, bad := 0, 0
	for _, r := range records {
		for _, c := range r.Checks {
			all++
			if c.Result == imagecheck.Failed {
				bad++
			}
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks failed", bad, all)
	}
	return nil
}

// checkLink says whether the image belongs to production, and which digest it has.
func checkLink(ctx context.Context, client *registry.Client, ref registry.Reference, digest string) (string, imagecheck.Check, error) {
	check := imagecheck.Check{Name: "production", Result: imagecheck.NotChecked}
	list, err := client.List(ctx, ref, digest)
	if err != nil {
		return "", check, err
	}
	i := slices.IndexFunc(list.Images, func(img registry.DebugImage) bool {
		return digest != "" && img.Has(digest) || digest == "" && img.Tag == ref.Tag()
	})
	if i < 0 {
		return "", check, fmt.Errorf("%s is no debug image of dlvgen: name one that `dlvgen ls` lists", ref.Familiar())
	}
	img := list.Images[i]
	switch img.Status {
	case registry.Current:
		check.Result, check.Detail = imagecheck.OK, fmt.Sprintf("it is linked with what %s names", img.ProductionTag)
	case registry.Stale:
		check.Result, check.Detail = imagecheck.Failed, fmt.Sprintf("%s has moved since the image was linked with it", img.ProductionTag)
	case registry.Gone:
		check.Detail = fmt.Sprintf("%s is not in the registry", img.ProductionTag)
	default:
		check.Detail = "nothing links it with a production image"
	}
	return cmp.Or(digest, img.Digest), check, nil
}

// pinnedDelve looks a Delve up among the tools that this dlvgen carries. Those of another
// dlvgen are not known.
func pinnedDelve(of string) imagecheck.Pinned {
	return func(arch, delve string) (sum string, known bool, err error) {
		set, err := tools.Embedded()
		if errors.Is(err, tools.ErrNone) || of != version.Version() {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		return set.Sum(path.Join("linux_"+arch, layout.ToolDelve, delve))
	}
}

func (s streams) printVerified(format formatValue, ref registry.Reference, records []verifyRecord) error {
	if format == formatJSON {
		return writeJSON(s.out, records)
	}
	var b bytes.Buffer
	for i, r := range records {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s (%s)\n", visible.Line(withDigest(ref, r.Digest)), visible.Line(r.Platform))
		t := newGrid(&b, "CHECK", "RESULT", "DETAIL")
		for _, c := range r.Checks {
			t.row(c.Name, string(c.Result), c.Detail)
		}
		_ = t.Flush()
	}
	_, err := s.out.Write(b.Bytes())
	return err
}
