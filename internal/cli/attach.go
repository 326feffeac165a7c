package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/spf13/cobra"
)

func newAttachCommand(s streams) *cobra.Command {
	flags := &registryFlags{}
	var production string
	cmd := &cobra.Command{
		Use:   "attach REF...",
		Short: "Link debug images in a registry with their production image",
		Long: `Link debug images in a registry with their production image.

For debug images that were pushed by buildx or bake, or by "dlvgen build"
before the production image. Each is read back and verified, and a link is
attached to it and to what the production tag names now. Images and tags stay as
they are.

The production tag is the one that the image's label names, or what is left of
REF's tag without the variant's suffix. It may be in another repository.

Prints DEBUG@DIGEST and PRODUCTION@DIGEST for each image.`,
		Example: `  dlvgen attach registry.example/app:v1-debug
  dlvgen attach registry.example/app:debug --production v1
  dlvgen attach reg.example/app-debug:v1 --production reg.example/app:v1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "no image is named: name the debug images to link")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if production != "" {
				named := production
				if !registry.IsWhole(named) {
					named = "image:" + production
				}
				if _, err := registry.Parse(named); err != nil {
					return usagef(cmd, "--production: %w", err)
				}
			}
			for _, image := range args { // before anything is linked
				if ref, _, err := registry.ParseImage(image); err != nil {
					return usagef(cmd, "%w", err)
				} else if ref.Tag() == "" {
					return usagef(cmd, "%s has no tag: name the debug image by its tag, or as TAG@DIGEST", image)
				}
			}
			return s.attach(cmd.Context(), flags, args, production)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&production, "production", "", "production image: a tag of the same repository, or a reference")
	flags.register(cmd.Flags())
	return cmd
}

// attachRecord is one image in the output of --format json.
type attachRecord struct {
	Ref              string `json:"ref"`
	Digest           string `json:"digest"`
	Production       string `json:"production"`
	ProductionDigest string `json:"productionDigest"`
}

// attach links all images, also when one cannot be.
func (s streams) attach(ctx context.Context, flags *registryFlags, images []string, production string) error {
	client := flags.client(s)
	records := []attachRecord{}
	var failed []error
	for _, image := range images {
		one, err := attachOne(ctx, client, image, production)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		records = append(records, one)
		if flags.format == formatText {
			_, _ = fmt.Fprintf(s.out, "%s@%s %s@%s\n", one.Ref, one.Digest, one.Production, one.ProductionDigest)
		}
	}
	if flags.format == formatJSON {
		if err := writeJSON(s.out, records); err != nil {
			return err
		}
	}
	if len(images) > 1 && len(failed) > 0 {
		for _, err := range failed {
			s.tell(err.Error())
		}
		return fmt.Errorf("%d of %d images were not linked", len(failed), len(images))
	}
	return errors.Join(failed...)
}

func attachOne(ctx context.Context, client *registry.Client, image, production string) (attachRecord, error) {
	ref, digest, err := registry.ParseImage(image)
	if err != nil {
		return attachRecord{}, err
	}
	done, err := client.Attach(ctx, ref, digest, production)
	if err != nil {
		return attachRecord{}, err
	}
	return attachRecord{done.Debug.Familiar(), done.Digest, done.Production.Familiar(), done.ProductionDigest}, nil
}
