package cluster

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kinds are those of objects that have pods, by the names that kubectl takes, and where the API
// has them.
var kinds = []struct{ kind, path, names string }{
	{"pod", "", "pod pods po"},
	{"deployment", "/apis/apps/v1", "deployment deployments deploy"},
	{"statefulset", "/apis/apps/v1", "statefulset statefulsets sts"},
	{"daemonset", "/apis/apps/v1", "daemonset daemonsets ds"},
	{"replicaset", "/apis/apps/v1", "replicaset replicasets rs"},
	{"job", "/apis/batch/v1", "job jobs"},
	{"cronjob", "/apis/batch/v1", "cronjob cronjobs cj"},
}

// Object is what the user names: a pod, or a workload that has some.
type Object struct {
	Kind, Name string // "deployment", "app"
	path       string
}

// String names it as kubectl does.
func (o Object) String() string { return o.Kind + "/" + o.Name }

// ParseObject reads KIND/NAME with the kinds and short names of kubectl. It is false for what
// is something else, such as an image.
func ParseObject(text string) (Object, bool) {
	kind, name, cut := strings.Cut(text, "/")
	if !cut || name == "" || strings.ContainsAny(name, "/:@") {
		return Object{}, false
	}
	kind, _, _ = strings.Cut(strings.ToLower(kind), ".") // deployment.apps
	for _, one := range kinds {
		for known := range strings.FieldsSeq(one.names) {
			if known == kind {
				return Object{one.kind, name, one.path}, true
			}
		}
	}
	return Object{}, false
}

// Selector chooses the pods of a workload by their labels.
func (c *Cluster) Selector(ctx context.Context, o Object) (string, error) {
	if o.Kind == "cronjob" {
		return "", fmt.Errorf("%s has no pods of its own: name one of its jobs as job/NAME", o)
	}
	var workload struct {
		Spec struct{ Selector *metav1.LabelSelector }
	}
	r := request{method: http.MethodGet, path: strings.Join([]string{o.path, "namespaces", url.PathEscape(c.Namespace), o.Kind + "s", url.PathEscape(o.Name)}, "/")}
	if _, err := c.ask(ctx, r, &workload); err != nil {
		return "", c.notFound(ctx, o.Kind+" "+o.Name, err)
	}
	selector, err := metav1.LabelSelectorAsSelector(workload.Spec.Selector)
	if err != nil {
		return "", fmt.Errorf("the selector of %s: %w", o, err)
	}
	if selector.Empty() {
		return "", fmt.Errorf("%s selects no pods", o)
	}
	return selector.String(), nil
}
