// Package cluster asks a Kubernetes cluster what it runs, and has it run debuggers there:
// ephemeral containers of pods, commands in them, and ports that lead to them.
//
// Of the API's objects only the fields are decoded that dlvgen reads: their own types would
// make dlvgen a tenth larger.
package cluster

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"
)

// Options choose a cluster, as the flags of kubectl of the same names do. What is empty is as
// in the kubeconfig.
type Options struct {
	// Kubeconfig is a file. The default are those of KUBECONFIG, or ~/.kube/config.
	Kubeconfig string

	Context, Namespace string
}

// flags are those of kubectl that choose the same.
func (o Options) flags() (words []string) {
	for _, one := range []struct{ name, value string }{{"--kubeconfig", o.Kubeconfig}, {"--context", o.Context}, {"-n", o.Namespace}} {
		if one.value != "" {
			words = append(words, one.name, one.value)
		}
	}
	return words
}

// Cluster is a namespace of a Kubernetes cluster, as a user.
type Cluster struct {
	// Context is the name of the kubeconfig's context, Server the address of the cluster's
	// API, and Namespace the one whose objects are meant.
	Context, Server, Namespace string

	options Options
	config  *rest.Config
	client  *http.Client
	base    *url.URL
	waits   *patience.Patience
}

// Contexts are the names of those of the kubeconfig.
func Contexts(o Options) ([]string, error) {
	config, err := o.rules().Load()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return slices.Sorted(maps.Keys(config.Contexts)), nil
}

// rules say where the kubeconfig is.
func (o Options) rules() *clientcmd.ClientConfigLoadingRules {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	return rules
}

// Connect reads the kubeconfig. Nobody is asked yet.
func Connect(o Options, waits *patience.Patience) (*Cluster, error) {
	// What the client logs, it returns as an error too.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	rules := o.rules()
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{
		CurrentContext: o.Context, Context: api.Context{Namespace: o.Namespace},
	})
	known, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	c := &Cluster{Context: cmp.Or(o.Context, known.CurrentContext), options: o, waits: waits}
	if err := checkContext(known, c.Context, rules); err != nil {
		return nil, err
	}
	c.Namespace, _, err = loader.Namespace()
	if err == nil && strings.Trim(c.Namespace, ".") == "" { // which paths would lose
		err = fmt.Errorf("the namespace %q has no name", c.Namespace)
	}
	if err == nil {
		c.config, err = loader.ClientConfig()
	}
	if err == nil {
		err = c.configure()
	}
	if err != nil {
		return nil, fmt.Errorf("the context %q of the kubeconfig: %w", c.Context, err)
	}
	return c, nil
}

// checkContext says which contexts there are where the wanted one is not among them.
func checkContext(known api.Config, context string, rules *clientcmd.ClientConfigLoadingRules) error {
	names := slices.Sorted(maps.Keys(known.Contexts))
	switch {
	case known.Contexts[context] != nil:
		return nil
	case len(names) == 0:
		return fmt.Errorf("no cluster is configured in %s: name a kubeconfig with --kubeconfig", strings.Join(rules.GetLoadingPrecedence(), ", "))
	case context == "":
		return fmt.Errorf("the kubeconfig has no current context: choose one with --context: %s", strings.Join(names, ", "))
	}
	return fmt.Errorf("the kubeconfig has no context %q: there are %s", context, strings.Join(names, ", "))
}

// configure makes the client.
func (c *Cluster) configure() (err error) {
	c.config.UserAgent = "dlvgen"
	if c.base, _, err = rest.DefaultServerUrlFor(c.config); err != nil {
		return err
	}
	c.Server = strings.TrimSuffix(c.base.String(), "/")
	client, err := rest.HTTPClientFor(c.config)
	if err != nil {
		return err
	}
	own := *client // which may be that of all
	own.CheckRedirect = sameHost
	c.client = &own
	return nil
}

// sameHost follows redirects as far as the login goes, which belongs to one host.
func sameHost(to *http.Request, before []*http.Request) error {
	const most = 10
	from := before[0].URL
	switch {
	case to.URL.Host != from.Host || to.URL.Scheme != from.Scheme:
		return fmt.Errorf("it redirects to %s://%s, which would get the login: name that address in the kubeconfig if it is meant", to.URL.Scheme, to.URL.Host)
	case len(before) >= most:
		return fmt.Errorf("it has redirected %d times", most)
	}
	return nil
}

// In is another namespace of the cluster.
func (c *Cluster) In(namespace string) *Cluster {
	other := *c
	other.Namespace = namespace
	return &other
}

// Kubectl is a command line of kubectl that means the same cluster.
func (c *Cluster) Kubectl(words ...string) []string {
	return slices.Concat([]string{"kubectl"}, c.options.flags(), words)
}

// path is that of an object of the core API in the namespace.
func (c *Cluster) path(parts ...string) string {
	return "/api/v1/namespaces/" + strings.Join(append([]string{url.PathEscape(c.Namespace)}, parts...), "/")
}

// request is one of the API's.
type request struct {
	method, path string
	query        url.Values
	contentType  string
	body         []byte

	// limit is how long the answer may take where that is longer than for others, zero else.
	limit time.Duration
}

// at is the address of something of the API.
func (c *Cluster) at(path string, query url.Values) *url.URL {
	to := c.base.JoinPath(path)
	to.RawQuery = query.Encode()
	return to
}

// ask sends a request, and decodes its answer, unless into is nil.
func (c *Cluster) ask(ctx context.Context, r request, into any) (body []byte, err error) {
	waits := c.waits
	if r.limit != 0 {
		waits = &patience.Patience{Limit: r.limit, Notice: c.waits.Notice, Tell: c.waits.Tell}
	}
	err = waits.Ask(ctx, "the cluster "+c.Server, func(ctx context.Context) (err error) {
		body, err = c.send(ctx, r)
		return err
	})
	if err != nil {
		return nil, c.explain(err)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			return nil, fmt.Errorf("reading the answer of the cluster %s: %w", c.Server, err)
		}
	}
	return body, nil
}

// maxAnswer is more than any answer has: a cluster may be anybody's.
const maxAnswer = 256 << 20

// send sends a request. What the API refuses is an [*apierrors.StatusError].
func (c *Cluster) send(ctx context.Context, r request) ([]byte, error) {
	asked, err := http.NewRequestWithContext(ctx, r.method, c.at(r.path, r.query).String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	asked.Header.Set("Accept", "application/json")
	if r.contentType != "" {
		asked.Header.Set("Content-Type", r.contentType)
	}
	answer, err := c.client.Do(asked)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	if err != nil || answer.StatusCode < http.StatusBadRequest {
		return body, err
	}
	var status metav1.Status
	if json.Unmarshal(body, &status) != nil || status.Kind != "Status" { // a proxy's, mostly
		const enough = 200
		status = metav1.Status{Message: fmt.Sprintf("%s: %.*s", answer.Status, enough, bytes.TrimSpace(body))}
		switch answer.StatusCode {
		case http.StatusUnauthorized:
			status.Reason = metav1.StatusReasonUnauthorized
		case http.StatusForbidden:
			status.Reason = metav1.StatusReasonForbidden
		case http.StatusNotFound:
			status.Reason = metav1.StatusReasonNotFound
		}
	}
	status.Code = int32(answer.StatusCode) //nolint:gosec // of three digits
	return nil, &apierrors.StatusError{ErrStatus: status}
}
