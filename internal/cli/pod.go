package cli

import (
	"fmt"

	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// podFlags choose a container of a pod, as the flags of kubectl of the same names do.
type podFlags struct {
	cluster   cluster.Options
	container string
}

// podFlagNames are theirs.
var podFlagNames = []string{"namespace", "context", "container", "kubeconfig"}

func (f *podFlags) register(fs *pflag.FlagSet) {
	fs.StringVarP(&f.cluster.Namespace, "namespace", "n", "", "namespace of the pod (default: that of the kubeconfig's context)")
	fs.StringVarP(&f.container, "container", "c", "", "container of the pod (default: the only one)")
	fs.StringVar(&f.cluster.Context, "context", "", "context of the kubeconfig to use (default: its current one)")
	fs.StringVar(&f.cluster.Kubeconfig, "kubeconfig", "", "kubeconfig file to use (default: as kubectl)")
}

// object is the pod or the workload that a name means. For another target, flags that are for pods
// alone are refused.
func (f *podFlags) object(cmd *cobra.Command, name string, others ...string) (o cluster.Object, ok bool, err error) {
	if o, ok = cluster.ParseObject(name); ok {
		return o, true, nil
	}
	for _, flag := range append(others, podFlagNames...) {
		if cmd.Flags().Changed(flag) {
			return o, false, usagef(cmd, "--%s is for pods, and %s: name it as pod/NAME, or leave --%[1]s out", flag, noPod(name))
		}
	}
	return o, false, nil
}

func noPod(name string) string {
	if name == "" {
		return "there is no target"
	}
	return fmt.Sprintf("%s is none", visible.Quote(name))
}
