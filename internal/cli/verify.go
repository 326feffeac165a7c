package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dlvgen/dlvgen/internal/imagecheck"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
)

// verifyFlags are those of `dlvgen verify`.
type verifyFlags struct {
	registryFlags

	production string
}

func newVerifyCommand(s streams) *cobra.Command {
	flags := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify REF",
		Short: "Check what is in a debug image in a registry",
		Long: `Check what is in a debug image in a registry.

Reads the layers of the image, for each platform, and checks that

  - the registry has all of it
  - its labels say what its plan says, and it has what its plan announces
  - its config is production's, but for what the plan announces
  - the program has debug information and is not optimized
  - Delve is static, and the file that this dlvgen puts into images
  - no layer has sources, or all that the debug information names are there
  - dlvgen added no private key, and no file that is named like one with secrets
  - with --production, each file is as in production, or announced by the plan
  - production's tag names the image that the debug image was linked with

Nothing is run. REF is a tag or a digest. The exit code is 1 if a check fails.`,
		Example: `  dlvgen verify registry.example/app:v1-debug
  dlvgen verify me/app:v1-debug --production me/app:v1
  dlvgen verify registry.example/app:v1-debug --format json`,
		Args: oneImage("verified"),
		RunE: func(cmd *cobra.Command, args []string) error {
			v := verification{streams: s, client: flags.client(s)}
			var err error
			if v.ref, v.digest, err = registry.ParseImage(args[0]); err != nil {
				return usagef(cmd, "%w", err)
			}
			if flags.production != "" {
				v.compare = true
				if v.productionRef, v.productionDigest, err = registry.ParseImage(flags.production); err != nil {
					return usagef(cmd, "--production: %w", err)
				}
			}
			return v.run(cmd.Context(), flags.format)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&flags.production, "production", "", "production image `REF`, a tag or a digest: compare all files and the config with it; default: only the config, with the linked image")
	flags.register(cmd.Flags())
	return cmd
}

// verifyRecord is one image in the output of --format json.
type verifyRecord struct {
	Platform   string             `json:"platform"`
	Digest     string             `json:"digest"`
	Production string             `json:"production,omitempty"` // the digest of what it was compared with
	Checks     []imagecheck.Check `json:"checks"`
}

// verification is one call of `dlvgen verify`.
type verification struct {
	streams

	client *registry.Client
	ref    registry.Reference
	digest string

	// compare tells that production was named. Else it is the linked image, if there is one.
	compare          bool
	productionRef    registry.Reference
	productionDigest string
	production       []registry.PlatformImage
}

func (v *verification) run(ctx context.Context, format formatValue) error {
	linked, err := v.linked(ctx)
	if err != nil {
		return err
	}
	v.digest = cmp.Or(v.digest, linked.Digest)
	if err := v.client.Verify(ctx, v.ref, v.digest); err != nil {
		return err
	}
	plans, err := v.client.Plans(ctx, v.ref, v.digest)
	if err != nil {
		return err
	}
	if err := v.findProduction(ctx, linked); err != nil {
		return err
	}
	var records []verifyRecord
	for _, p := range plans {
		record, err := v.image(p, v.checkLink(linked, p.Plan))
		if err != nil {
			return fmt.Errorf("reading %s: %w", withDigest(v.ref, p.Digest), err)
		}
		records = append(records, record)
	}
	if err := v.printVerified(format, v.ref, records); err != nil {
		return err
	}
	return failures(records)
}

// findProduction finds what the image is compared with.
func (v *verification) findProduction(ctx context.Context, linked *registry.DebugImage) error {
	if !v.compare {
		if linked.ProductionDigest == "" {
			return nil
		}
		v.productionRef, v.productionDigest = v.ref, linked.ProductionDigest
	}
	digest, images, err := v.client.Images(ctx, v.productionRef, v.productionDigest)
	if err != nil {
		return err
	}
	if len(images) == 0 && v.compare {
		return fmt.Errorf("the registry has no image %s: check --production", v.productionRef.Familiar())
	}
	v.production, v.productionDigest = images, digest
	return nil
}

// image checks one platform's image.
func (v *verification) image(p registry.PlatformPlan, link imagecheck.Check) (verifyRecord, error) {
	record := verifyRecord{Platform: p.Platform, Digest: p.Digest}
	in := imagecheck.Input{Image: p.Image, Plan: p.Plan, Files: v.compare, Pinned: pinnedTools(p.Plan.Version), Version: version.Version()}
	if production := registry.ForPlatform(v.production, p.Platform); production != nil {
		in.Production, record.Production = production.Image, production.Digest
	} else if v.compare {
		link = imagecheck.Check{Name: link.Name, Result: imagecheck.Failed, Detail: fmt.Sprintf("%s has no image for %s", v.productionRef.Familiar(), p.Platform)}
	}
	v.tell(fmt.Sprintf("reading the layers of %s (%s)", withDigest(v.ref, p.Digest), p.Platform))
	var err error
	record.Checks, err = imagecheck.Image(in)
	record.Checks = append(record.Checks, link)
	return record, err
}

// failures is an error if a check failed.
func failures(records []verifyRecord) error {
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

// linked is the image with what links say of it.
func (v *verification) linked(ctx context.Context) (*registry.DebugImage, error) {
	list, err := v.client.List(ctx, v.ref, v.digest)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list.Images, func(img registry.DebugImage) bool {
		return img.Is(v.ref, v.digest)
	})
	if i < 0 {
		return nil, fmt.Errorf("%s is no debug image of dlvgen: name one that `dlvgen ls` lists", v.ref.Familiar())
	}
	return &list.Images[i], nil
}

// checkLink says whether the image belongs to production.
func (v *verification) checkLink(img *registry.DebugImage, plan *variants.Plan) imagecheck.Check {
	check := imagecheck.Check{Name: "production", Result: imagecheck.NotChecked}
	fail := func(format string, args ...any) imagecheck.Check {
		check.Result, check.Detail = imagecheck.Failed, fmt.Sprintf(format, args...)
		return check
	}
	planned := plan.Production.Digest
	switch linked := img.ProductionDigest; {
	case planned != "" && linked != "" && planned != linked && !v.isProduction(planned):
		return fail("it was derived from %s, and is linked with %s", planned, linked)
	case v.compare && linked != "" && linked != v.productionDigest:
		return fail("it is linked with %s, and %s is %s", linked, v.productionRef.Familiar(), v.productionDigest)
	case v.compare && linked != "":
		check.Result, check.Detail = imagecheck.OK, fmt.Sprintf("it is linked with %s", linked)
		return check
	}
	switch img.Status {
	case registry.Current:
		check.Result, check.Detail = imagecheck.OK, fmt.Sprintf("it is linked with what %s names", img.ProductionTag)
	case registry.Stale:
		return fail("%s has moved since the image was linked with it", img.ProductionTag)
	case registry.Gone:
		check.Detail = fmt.Sprintf("%s is not in the registry", img.ProductionTag)
	case registry.Unknown:
		check.Detail = fmt.Sprintf("%s cannot be read: %s", familiar(img.ProductionRepository, img.ProductionTag), img.Unread)
	default:
		check.Detail = "nothing links it with a production image"
	}
	return check
}

// isProduction tells whether a digest is production's, or that of one of its images.
func (v *verification) isProduction(digest string) bool {
	return digest == v.productionDigest || slices.ContainsFunc(v.production, func(img registry.PlatformImage) bool { return img.Digest == digest })
}

// pinnedTools looks a tool up among those that this dlvgen carries. Those of another dlvgen are
// not known.
func pinnedTools(of string) imagecheck.Pinned {
	return func(tool string) (sum string, known bool, err error) {
		set, err := tools.Embedded()
		if errors.Is(err, tools.ErrNone) || of != version.Version() {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		return set.Sum(tool)
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
