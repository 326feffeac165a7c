package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/dlvgen/dlvgen/internal/patience"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ForbiddenError says that the user may not do something in the cluster.
type ForbiddenError struct {
	// User is how the cluster knows the user. Verb and Resource are what is missing of a
	// role: "patch", "pods/ephemeralcontainers". Namespace is empty for the whole cluster.
	User, Verb, Resource, Namespace string

	err error
}

func (e *ForbiddenError) Error() string {
	in := "in the cluster"
	if e.Namespace != "" {
		in = "in the namespace " + e.Namespace
	}
	who := "you"
	if e.User != "" {
		who = "the user " + e.User
	}
	return fmt.Sprintf("%s may not %s %s %s: a role with the verb %s on the resource %[3]s is missing", who, e.Verb, e.Resource, in, e.Verb)
}

// Unwrap is the cluster's own error.
func (e *ForbiddenError) Unwrap() error { return e.err }

// Details is a role that has what is missing, as a command.
func (e *ForbiddenError) Details() string {
	if e.Namespace == "" {
		return ""
	}
	return "An administrator grants it:\n  " + strings.Join(Grant(e.Namespace, e.User), "\n  ")
}

// Grant are the commands of an administrator that let a user debug the pods of a namespace.
func Grant(namespace, user string) []string {
	return []string{
		"kubectl -n " + namespace + " create role dlvgen-debug --verb=get,list,create,patch --resource=pods,pods/log,pods/ephemeralcontainers,pods/portforward,pods/exec",
		"kubectl -n " + namespace + " create rolebinding dlvgen-debug --role=dlvgen-debug --user=" + user,
	}
}

// PolicyError says that the cluster's rules refuse an ephemeral container.
type PolicyError struct {
	// Level is that of Pod Security Admission, "baseline" or "restricted", empty for another
	// rule. Reason is what the rule says.
	Level, Reason string
}

func (e *PolicyError) Error() string {
	if e.Level == "" {
		return "a rule of the cluster refuses the debugger's container: " + e.Reason
	}
	return fmt.Sprintf("the Pod Security level %s of the namespace refuses the debugger's container: %s", e.Level, e.Reason)
}

// NotFoundError says that the cluster has no such object.
type NotFoundError struct {
	What string // "pod app"
	err  error
}

func (e *NotFoundError) Error() string { return "there is no " + e.What }

// Unwrap is the cluster's own error.
func (e *NotFoundError) Unwrap() error { return e.err }

var (
	// rbac is what the API says of a missing role (k8s.io/apiserver,
	// pkg/endpoints/handlers/responsewriters, forbiddenMessage).
	rbac = regexp.MustCompile(`User "([^"]*)" cannot (\w+) resource "([^"]+)" in API group "[^"]*"(?: in the namespace "([^"]+)"| at the cluster scope)?`)

	// podSecurity is what Pod Security Admission says (k8s.io/pod-security-admission, admission).
	podSecurity = regexp.MustCompile(`violates PodSecurity "([a-z]+):[^"]*": (.*)`)
)

// explain words the errors of requests.
func (c *Cluster) explain(err error) error {
	var silent *patience.SilentError
	var asked *url.Error
	var dialed *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &silent):
		return fmt.Errorf("%w: is its network reached from here? It is that of the context %q", silent, c.Context)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the cluster %s does not accept the credentials of the context %q: log in again, or choose another with --context", c.Server, c.Context)
	case apierrors.IsForbidden(err):
		return forbidden(err)
	case errors.As(err, &asked), errors.As(err, &dialed):
		return fmt.Errorf("the cluster %s, of the context %q, cannot be reached: %w", c.Server, c.Context, err)
	}
	return err
}

func forbidden(err error) error {
	text := err.Error()
	if m := rbac.FindStringSubmatch(text); m != nil {
		return &ForbiddenError{User: m[1], Verb: m[2], Resource: m[3], Namespace: m[4], err: err}
	}
	if m := podSecurity.FindStringSubmatch(text); m != nil {
		return &PolicyError{Level: m[1], Reason: m[2]}
	}
	_, reason, cut := strings.Cut(text, " is forbidden: ")
	if !cut {
		reason = text
	}
	return &PolicyError{Reason: reason}
}

// notFound words the error of an object that does not exist: its namespace may not either.
func (c *Cluster) notFound(ctx context.Context, what string, err error) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	_, other := c.ask(ctx, request{method: http.MethodGet, path: c.path()}, nil)
	if apierrors.IsNotFound(other) {
		return &NotFoundError{What: fmt.Sprintf("namespace %s in the cluster of the context %q: choose one with -n", c.Namespace, c.Context), err: err}
	}
	return &NotFoundError{What: fmt.Sprintf("%s in the namespace %s of the context %q", what, c.Namespace, c.Context), err: err}
}
