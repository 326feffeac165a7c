package builders

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"sync"

	"github.com/docker/buildx/driver"
	"github.com/docker/buildx/util/progress"
	"github.com/docker/cli/cli/connhelper/commandconn"
	"github.com/moby/buildkit/client"
	engine "github.com/moby/moby/client"
)

var registerKubernetes = sync.OnceFunc(func() { driver.Register(kubernetes{}) })

// kubernetes is the factory of buildx's driver of that name, by way of kubectl: it finds the
// pods that buildx has made, and makes none.
type kubernetes struct{}

func (kubernetes) Name() string          { return "kubernetes" }
func (kubernetes) Usage() string         { return "kubernetes" }
func (kubernetes) AllowsInstances() bool { return true }

// Priority is the last: nothing becomes a builder in Kubernetes by itself.
func (kubernetes) Priority(context.Context, string, engine.APIClient, map[string][]string) int {
	return 100
}

// New returns the driver of one node. Its endpoint has the kubeconfig, its options the
// namespace, and its name is the deployment's.
func (f kubernetes) New(_ context.Context, cfg driver.InitConfig) (driver.Driver, error) {
	deployment, err := driver.ParseBuilderName(cfg.Name)
	if err != nil {
		return nil, err
	}
	p := &pods{InitConfig: cfg, factory: f, deployment: deployment}
	if u, err := url.Parse(cfg.EndpointAddr); err == nil && u.Scheme == f.Name() {
		if kubeconfig := u.Query().Get("kubeconfig"); kubeconfig != "" {
			p.flags = append(p.flags, "--kubeconfig="+kubeconfig)
		}
	}
	if namespace := cfg.DriverOpts["namespace"]; namespace != "" {
		p.flags = append(p.flags, "--namespace="+namespace)
	}
	return p, nil
}

// pods are those of one node of a builder.
type pods struct {
	driver.InitConfig
	factory    driver.Factory
	deployment string
	flags      []string // of kubectl
}

// running is the first pod that is ready, and its container with buildkitd.
func (p *pods) running(ctx context.Context) (pod, container string, err error) {
	args := append(append([]string{}, p.flags...), "get", "pods", "--selector=app="+p.deployment, "--field-selector=status.phase=Running", "--output=json")
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", "", errors.New("no kubectl on PATH, which leads to builders in Kubernetes: install it")
	}
	if err != nil {
		return "", "", fmt.Errorf("kubectl get pods: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Spec     struct{ Containers []struct{ Name string } }
		}
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return "", "", fmt.Errorf("reading the output of kubectl get pods: %w", err)
	}
	for _, item := range list.Items {
		if len(item.Spec.Containers) > 0 {
			return item.Metadata.Name, item.Spec.Containers[0].Name, nil
		}
	}
	return "", "", driver.ErrNotRunning{}
}

// Info says whether a pod runs.
func (p *pods) Info(ctx context.Context) (*driver.Info, error) {
	_, _, err := p.running(ctx)
	switch {
	case errors.Is(err, driver.ErrNotRunning{}):
		return &driver.Info{Status: driver.Stopped}, nil
	case err != nil:
		return nil, err
	}
	return &driver.Info{Status: driver.Running}, nil
}

// Bootstrap fails: buildx makes the pods.
func (p *pods) Bootstrap(context.Context, progress.Logger) error {
	return errors.New("its pods do not run: start them with `docker buildx inspect --bootstrap`")
}

// Dial connects to buildkitd in a pod.
func (p *pods) Dial(ctx context.Context) (net.Conn, error) {
	pod, container, err := p.running(ctx)
	if err != nil {
		return nil, err
	}
	args := append(append([]string{}, p.flags...), "exec", "--container="+container, "--stdin", pod, "--", "buildctl", "dial-stdio")
	// The connection outlives the call that makes it.
	return commandconn.New(context.WithoutCancel(ctx), "kubectl", args...)
}

// Client is one of buildkitd in a pod.
func (p *pods) Client(ctx context.Context, opts ...client.ClientOpt) (*client.Client, error) {
	dial := client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return p.Dial(ctx) })
	return client.New(ctx, "", append([]client.ClientOpt{dial}, opts...)...)
}

// Features are those of any BuildKit of its own.
func (p *pods) Features(context.Context) (map[driver.Feature]bool, error) {
	return map[driver.Feature]bool{
		driver.OCIExporter: true, driver.DockerExporter: true, driver.CacheExport: true, driver.MultiPlatform: true, driver.DirectPush: true,
	}, nil
}

// HostGatewayIP fails, as buildx's driver does.
func (p *pods) HostGatewayIP(context.Context) (net.IP, error) {
	return nil, errors.New("host-gateway is not supported by the kubernetes driver")
}

// Version is not known before BuildKit is asked.
func (p *pods) Version(context.Context) (string, error) { return "", nil }

// Stop and Rm do nothing: buildx removes what it has made.
func (p *pods) Stop(context.Context, bool) error           { return nil }
func (p *pods) Rm(context.Context, bool, bool, bool) error { return nil }

func (p *pods) Factory() driver.Factory   { return p.factory }
func (p *pods) IsMobyDriver() bool        { return false }
func (p *pods) Config() driver.InitConfig { return p.InitConfig }
