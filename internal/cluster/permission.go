package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// Permission is something that a user may do in a namespace, or not.
type Permission struct {
	// Verb and Resource are as in roles: "patch", "pods/ephemeralcontainers". Group is the
	// resource's, "apps", empty for the core's.
	Verb, Group, Resource string

	// Name is the object that is meant, empty for all.
	Name string
}

// String is the permission as a role has it: "patch pods/ephemeralcontainers".
func (p Permission) String() string { return p.Verb + " " + p.Resource }

// May is nil where the user has a permission in the namespace, or where nobody says it, else a
// [*ForbiddenError].
func (c *Cluster) May(ctx context.Context, p Permission) error {
	if allowed, err := c.Allows(ctx, p); err != nil || allowed {
		return nil
	}
	return &ForbiddenError{Verb: p.Verb, Resource: p.Resource, Namespace: c.Namespace}
}

// Allows asks whether the user has a permission in the namespace.
func (c *Cluster) Allows(ctx context.Context, p Permission) (bool, error) {
	type attributes struct {
		Namespace   string `json:"namespace"`
		Verb        string `json:"verb"`
		Group       string `json:"group,omitempty"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource,omitempty"`
		Name        string `json:"name,omitempty"`
	}
	resource, subresource, _ := strings.Cut(p.Resource, "/")
	review := map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": attributes{c.Namespace, p.Verb, p.Group, resource, subresource, p.Name}},
	}
	body, err := json.Marshal(review)
	if err != nil {
		return false, err
	}
	var answer struct{ Status struct{ Allowed bool } }
	r := request{method: http.MethodPost, path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", contentType: "application/json", body: body}
	_, err = c.ask(ctx, r, &answer)
	return answer.Status.Allowed, err
}

// Grant are the commands of an administrator that let a user debug the pods of a namespace. The
// user is empty where it is not known.
func Grant(namespace, user string) []string {
	if user == "" {
		user = "USER"
	}
	in := "kubectl -n " + namespace + " create "
	return []string{
		in + "rolebinding dlvgen-debug-view --clusterrole=view --user=" + user,
		in + "role dlvgen-debug --verb=get,create,patch --resource=pods/ephemeralcontainers,pods/portforward,pods/exec",
		in + "rolebinding dlvgen-debug --role=dlvgen-debug --user=" + user,
	}
}
