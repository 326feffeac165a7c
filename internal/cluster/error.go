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
	podSecurity = regexp.MustCompile(`(?s)violates PodSecurity "([a-z]+):[^"]*": (.*)`)
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
		return c.forbidden(err)
	case errors.As(err, &asked), errors.As(err, &dialed):
		return fmt.Errorf("the cluster %s, of the context %q, cannot be reached: %w", c.Server, c.Context, err)
	}
	return err
}

// forbidden words what the API does not do for this user, or for anybody.
func (c *Cluster) forbidden(err error) error {
	text := err.Error()
	if m := rbac.FindStringSubmatch(text); m != nil {
		return &ForbiddenError{User: m[1], Verb: m[2], Resource: m[3], Namespace: m[4], err: err}
	}
	return fmt.Errorf("the cluster %s refuses it: %w", c.Server, err)
}

// Refused tells whether the cluster does not do it for this user.
func Refused(err error) bool { return apierrors.IsForbidden(err) }

// policy words what the rules of the cluster say of an object: they answer in several ways, and
// with a text of their own.
func policy(err error) error {
	var missing *ForbiddenError
	var status apierrors.APIStatus
	if errors.As(err, &missing) || !errors.As(err, &status) {
		return err
	}
	switch status.Status().Code {
	case http.StatusForbidden, http.StatusBadRequest, http.StatusUnprocessableEntity:
	default:
		return err
	}
	text := status.Status().Message
	if m := podSecurity.FindStringSubmatch(text); m != nil {
		return &PolicyError{Level: m[1], Reason: m[2]}
	}
	if _, reason, cut := strings.Cut(text, " is forbidden: "); cut {
		text = reason
	}
	return &PolicyError{Reason: text}
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
