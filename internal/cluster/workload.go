package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
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
	{"service", "/api/v1", "service services svc"},
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
	o, ok := ParseBeginning(text)
	return o, ok && o.Name != ""
}

// ParseBeginning reads KIND/ with what is there of a name, which may be nothing.
func ParseBeginning(text string) (Object, bool) {
	kind, name, cut := strings.Cut(text, "/")
	if !cut || strings.ContainsAny(name, "/:@") || name != "" && strings.Trim(name, ".") == "" {
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

// listed are objects of which only the names are read.
type listed struct {
	Items []struct{ Metadata struct{ Name string } }
}

func (l listed) names() []string {
	var names []string
	for _, one := range l.Items {
		names = append(names, one.Metadata.Name)
	}
	return names
}

// Names are those of the objects of o's kind in the namespace; of pods, those of the running
// ones.
func (c *Cluster) Names(ctx context.Context, o Object) ([]string, error) {
	r := request{method: http.MethodGet, path: c.path("pods"), query: url.Values{"fieldSelector": {"status.phase=Running"}}}
	if o.path != "" {
		r.path, r.query = c.workloads(o), nil
	}
	var list listed
	_, err := c.ask(ctx, r, &list)
	return list.names(), err
}

// Namespaces are those of the cluster.
func (c *Cluster) Namespaces(ctx context.Context) ([]string, error) {
	var list listed
	_, err := c.ask(ctx, request{method: http.MethodGet, path: "/api/v1/namespaces"}, &list)
	return list.names(), err
}

// workloads is the path of all of o's kind in the namespace.
func (c *Cluster) workloads(o Object) string {
	return strings.Join([]string{o.path, "namespaces", url.PathEscape(c.Namespace), o.Kind + "s"}, "/")
}

// PodsOf are those of a workload.
func (c *Cluster) PodsOf(ctx context.Context, o Object) ([]Pod, error) {
	selector, err := c.selector(ctx, o)
	if err != nil {
		return nil, err
	}
	return c.Pods(ctx, selector)
}

// selector chooses the pods of a workload by their labels.
func (c *Cluster) selector(ctx context.Context, o Object) (string, error) {
	if o.Kind == "cronjob" {
		return "", fmt.Errorf("%s has no pods of its own: name one of its jobs as job/NAME", o)
	}
	r := request{method: http.MethodGet, path: c.workloads(o) + "/" + url.PathEscape(o.Name)}
	body, err := c.ask(ctx, r, nil)
	if err != nil {
		return "", c.notFound(ctx, o.Kind+" "+o.Name, err)
	}
	selector, err := selectorIn(o, body)
	if err != nil {
		return "", fmt.Errorf("the selector of %s: %w", o, err)
	}
	if selector.Empty() {
		return "", fmt.Errorf("%s selects no pods", o)
	}
	return selector.String(), nil
}

// selectorIn reads the selector of an object. That of a service is labels alone.
func selectorIn(o Object, body []byte) (labels.Selector, error) {
	var service struct {
		Spec struct{ Selector map[string]string }
	}
	var workload struct {
		Spec struct{ Selector *metav1.LabelSelector }
	}
	if o.Kind == "service" {
		err := json.Unmarshal(body, &service)
		return labels.SelectorFromSet(service.Spec.Selector), err
	}
	if err := json.Unmarshal(body, &workload); err != nil {
		return nil, err
	}
	return metav1.LabelSelectorAsSelector(workload.Spec.Selector)
}

// Reads is what a user needs to find the pods of an object, beside those themselves.
func (o Object) Reads() Permission {
	group := strings.TrimPrefix(strings.TrimSuffix(o.path, "/v1"), "/apis/")
	if group == "/api" {
		group = ""
	}
	return Permission{Verb: "get", Group: group, Resource: o.Kind + "s", Name: o.Name}
}
