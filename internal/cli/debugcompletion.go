package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/spf13/cobra"
)

// completeWithin is how long a shell waits for the names of what runs.
const completeWithin = 2 * time.Second

// runningContainers offers the names of those that run.
func runningContainers(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, wordsOnly
	}
	engine, err := bake.ConnectEngine(cmd.Context(), &patience.Patience{Limit: completeWithin})
	if err != nil {
		return nil, wordsOnly
	}
	defer func() { _ = engine.Close() }()
	return containerNames(cmd.Context(), engine), wordsOnly
}

func containerNames(ctx context.Context, engine *docker.Engine) []string {
	list, err := engine.Running(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, one := range list {
		for _, name := range one.Names {
			names = append(names, cobra.CompletionWithDesc(strings.TrimPrefix(name, "/"), one.Image))
		}
	}
	return names
}

// complete offers what can be debugged, and the cluster's names for the flags that choose in it.
func (f *podFlags) complete(cmd *cobra.Command) {
	cmd.ValidArgsFunction = plainOf(f.targets)
	for flag, offer := range map[string]func(ctx context.Context, c *cluster.Cluster, args []string) ([]string, error){
		"namespace": func(ctx context.Context, c *cluster.Cluster, _ []string) ([]string, error) { return c.Namespaces(ctx) },
		"container": podContainers,
	} {
		// The flag exists, and has none yet.
		_ = cmd.RegisterFlagCompletionFunc(flag, plainOf(func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return f.inCluster(cmd.Context(), func(ctx context.Context, c *cluster.Cluster) ([]string, error) { return offer(ctx, c, args) })
		}))
	}
	_ = cmd.RegisterFlagCompletionFunc("context", plainOf(func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names, _ := cluster.Contexts(f.cluster)
		return names, wordsOnly
	}))
	_ = cmd.RegisterFlagCompletionFunc("kubeconfig", cobra.FixedCompletions(nil, files))
}

// targets offers containers, and behind KIND/ objects of the cluster.
func (f *podFlags) targets(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	o, ok := cluster.ParseBeginning(typed)
	if !ok || len(args) > 0 {
		return runningContainers(cmd, args, typed)
	}
	return f.inCluster(cmd.Context(), func(ctx context.Context, c *cluster.Cluster) ([]string, error) {
		names, err := c.Names(ctx, o)
		for i, name := range names {
			names[i] = strings.TrimSuffix(typed, o.Name) + name
		}
		return names, err
	})
}

// inCluster offers nothing where the cluster does not answer soon.
func (f *podFlags) inCluster(ctx context.Context, names func(context.Context, *cluster.Cluster) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	c, err := cluster.Connect(f.cluster, &patience.Patience{Limit: completeWithin})
	if err != nil {
		return nil, wordsOnly
	}
	found, err := names(ctx, c)
	if err != nil {
		return nil, wordsOnly
	}
	return found, wordsOnly
}

// podContainers are those of the pod that the arguments name, or of one of a workload's pods.
func podContainers(ctx context.Context, c *cluster.Cluster, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	o, ok := cluster.ParseObject(args[0])
	if !ok {
		return nil, nil
	}
	pod, err := onePod(ctx, c, o)
	if err != nil || pod == nil {
		return nil, err
	}
	var names []string
	for _, container := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		names = append(names, container.Name)
	}
	return names, nil
}

// onePod is a pod, or any of a workload. It is nil where there is none.
func onePod(ctx context.Context, c *cluster.Cluster, o cluster.Object) (*cluster.Pod, error) {
	if o.Kind == "pod" {
		return c.Pod(ctx, o.Name)
	}
	pods, err := c.PodsOf(ctx, o)
	if err != nil || len(pods) == 0 {
		return nil, err
	}
	return &pods[0], nil
}
