package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/kubernetes"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
)

// kubeFlags are how manifests are changed, and where they go.
type kubeFlags struct {
	registryFlags
	containers []string
	images     map[string]string
	variant    string
	start      string
	user       int64
	patch      bool
	custom     bool
	component  string
	output     string

	options kubernetes.Options
}

func newKubeCommand(s streams) *cobra.Command {
	flags := &kubeFlags{}
	cmd := &cobra.Command{
		Use:   "kube [FILE|FOLDER|-]...",
		Short: "Change Kubernetes manifests to run debug images",
		Long: `Change Kubernetes manifests to run debug images.

Reads manifests from files, from the files of folders, or from stdin, looks up
the debug image of each container in its registry, and prints the manifests
with: the image, pinned by digest; the debugger's port; probes that do not end
the container while the program is stopped; and DLVGEN_START=continue, so that
the pod becomes ready without a client. Other containers and objects stay as
they are, with their comments.

With --variant sidecar, the containers keep their images and get a sidecar that
shares their process namespace.`,
		Example: `  dlvgen kube deploy/ | kubectl apply -f -
  dlvgen kube -c app - < rendered.yaml | kubectl apply -f -
  dlvgen kube deploy/ --kustomize overlays/debug
  dlvgen kube app.yaml --patch > patch.yaml
  dlvgen kube app.yaml -c app --custom > profile.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.complete(cmd); err != nil {
				return err
			}
			manifests, err := s.readManifests(cmd, args)
			if err != nil {
				return err
			}
			return s.kube(cmd.Context(), flags, manifests)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringSliceVarP(&flags.containers, "container", "c", nil, "debug only containers of these names; the default is every one that has a debug image")
	fs.StringToStringVar(&flags.images, "image", nil, "take this debug image for a container, CONTAINER=IMAGE")
	fs.StringVar(&flags.variant, "variant", "remote", "the variant of debug images to use")
	fs.StringVar(&flags.start, "start", "", `how programs start, "hold" or "continue"; the default is DLVGEN_START of the manifest, else continue`)
	fs.Int64Var(&flags.user, "user", 0, "UID of sidecars; the default is runAsUser of the manifest")
	fs.BoolVar(&flags.patch, "patch", false, "print only the changes, as strategic merge patches")
	fs.StringVar(&flags.component, "kustomize", "", "write the changes as a kustomize component into this folder")
	fs.BoolVar(&flags.custom, "custom", false, "print what a sidecar needs as a profile for kubectl debug, as JSON")
	fs.StringVarP(&flags.output, "output", "o", "", "write to this file instead of stdout; only a file that dlvgen wrote is replaced")
	fs.StringSliceVar(&flags.insecure, "insecure-registry", nil, "registry HOST[:PORT] to use over plain HTTP or with an unknown certificate; loopback addresses need no flag")
	return cmd
}

// complete checks the flags.
func (f *kubeFlags) complete(cmd *cobra.Command) error {
	var ways []string
	for _, name := range []string{"patch", "kustomize", "custom"} {
		if cmd.Flags().Changed(name) {
			ways = append(ways, "--"+name)
		}
	}
	if len(ways) > 1 {
		return usagef(cmd, "%s cannot be used together", strings.Join(ways, " and "))
	}
	if f.component != "" && f.output != "" {
		return usagef(cmd, "--kustomize writes files into a folder, and -o names one file: leave one of them out")
	}
	if err := checkStart(cmd, f.start); err != nil {
		return err
	}
	f.options.Start = f.start
	if cmd.Flags().Changed("user") {
		if f.user < 0 {
			return usagef(cmd, "--user is %d: a UID is not negative", f.user)
		}
		f.options.User = &f.user
	}
	return nil
}

// checkStart refuses what is no way to start, and takes an empty text for the default.
func checkStart(cmd *cobra.Command, start string) error {
	if start != "" && start != string(variants.StartHold) && start != string(variants.StartContinue) {
		return usagef(cmd, "--start is %q: it must be hold or continue", start)
	}
	return nil
}

// kube changes manifests and writes them.
func (s streams) kube(ctx context.Context, flags *kubeFlags, manifests []*kubernetes.Manifests) error {
	var workloads []*kubernetes.Workload
	for _, m := range manifests {
		list, err := m.Workloads()
		if err != nil {
			return err
		}
		workloads = append(workloads, list...)
	}
	chosen, err := flags.choose(workloads)
	if err != nil {
		return err
	}
	if flags.custom {
		return s.profile(flags, chosen)
	}
	images := debugImages{client: flags.client(s), variant: flags.variant, found: map[string]debugImageAnswer{}}
	for _, c := range chosen {
		if err := s.debugContainer(ctx, flags, images, c); err != nil {
			return err
		}
	}
	workloads = slices.DeleteFunc(workloads, func(w *kubernetes.Workload) bool { return !w.Changed() })
	if len(workloads) == 0 {
		return fmt.Errorf("no container has a debug image of the variant %s: push one with `dlvgen build --push`, or name it with --image CONTAINER=IMAGE", flags.variant)
	}
	return s.writeManifests(flags, manifests, workloads)
}

// containerOf is a container of a workload.
type containerOf struct {
	kubernetes.Container
	workload *kubernetes.Workload

	// named says that a flag names the container: then it must be debugged.
	named bool
}

// choose are the containers to debug, of which some may have no debug image. Init containers
// must be named.
func (f *kubeFlags) choose(workloads []*kubernetes.Workload) (chosen []containerOf, err error) {
	var all []string
	for _, w := range workloads {
		for _, c := range w.Containers() {
			all = append(all, c.Name)
			_, image := f.images[c.Name]
			named := image || slices.Contains(f.containers, c.Name)
			if named || len(f.containers) == 0 && !c.Init {
				chosen = append(chosen, containerOf{c, w, named})
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the manifests have no containers: name those of a Pod, Deployment, ReplicaSet, StatefulSet, DaemonSet, Job or CronJob")
	}
	for _, name := range slices.Concat(f.containers, slices.Sorted(maps.Keys(f.images))) {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("the manifests have no container %s: there are %s", name, strings.Join(slices.Compact(all), ", "))
		}
	}
	return chosen, nil
}

// debugContainer changes the workload of one container, or says why it stays as it is.
func (s streams) debugContainer(ctx context.Context, flags *kubeFlags, images debugImages, c containerOf) error {
	image, given := flags.images[c.Name]
	if !given {
		image = c.Image
	}
	answer := images.of(ctx, image, given)
	if err := answer.err; err != nil {
		if c.named || ctx.Err() != nil {
			return fmt.Errorf("container %s of %s: %w", c.Name, c.workload, err)
		}
		s.tell(fmt.Sprintf("container %s of %s stays as it is: %v", c.Name, c.workload, err))
		return nil
	}
	warnings, err := c.workload.Debug(c.Name, answer.image, flags.options)
	for _, warning := range warnings {
		s.tell("warning: " + warning)
	}
	return err
}

// profile prints what a sidecar of the one container needs.
func (s streams) profile(flags *kubeFlags, chosen []containerOf) error {
	if len(chosen) != 1 {
		return fmt.Errorf("--custom is for one container, and there are %d: choose one with -c", len(chosen))
	}
	text, err := chosen[0].workload.Profile(chosen[0].Name, flags.options)
	if err != nil {
		return err
	}
	return s.writeManifest(flags.output, append(text, '\n'))
}
