package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/internal/visible"
)

// completeWithin is how long a shell waits for the names of containers.
const completeWithin = 2 * time.Second

// composeTarget begins the name of a service.
const composeTarget = "compose:"

// refuseKubernetes says how a pod is debugged.
func refuseKubernetes(name string) error {
	kind, object, ok := strings.Cut(name, "/")
	if !ok || object == "" || strings.ContainsAny(object, "/:@") {
		return nil // an image
	}
	object = visible.Quote(object)
	switch strings.ToLower(kind) {
	case "pod", "pods", "po":
		return &session.Problem{
			Line: fmt.Sprintf("`dlvgen debug` debugs containers of Docker Engine: for the pod %s use `kubectl debug -ti %[1]s --target=CONTAINER --profile=general --image=IMAGE`, with the sidecar of its image", object),
			Detail: "The sidecar is IMAGE-debug-sidecar: `dlvgen build -t IMAGE --variant sidecar --push .`\n" +
				"To run a debug image instead: `dlvgen kube`. Both are in docs/deploy.md.",
		}
	case "deploy", "deployment", "deployments", "statefulset", "statefulsets", "sts", "daemonset", "daemonsets", "ds", "job", "jobs":
		return fmt.Errorf("`dlvgen debug` debugs containers of Docker Engine: for %s use `kubectl get %[1]s -o yaml | dlvgen kube - | kubectl apply -f -`, as in docs/deploy.md", kind+"/"+object)
	}
	return nil
}

// target finds what a name means: a container, a service, an image.
func (d debugging) target(ctx context.Context, f session.Finder, name string) (session.Target, error) {
	working, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the compose file: %w", err)
	}
	service, named := strings.CutPrefix(name, composeTarget)
	if !named {
		container, err := session.OpenContainer(ctx, f.Engine, name, d.journals)
		if err != nil {
			return nil, err
		}
		if container != nil {
			return container, nil
		}
	}
	compose, err := session.ReadCompose(working, os.LookupEnv)
	if err != nil && named {
		return nil, err
	}
	if named || compose.Has(service) {
		return d.service(ctx, f, compose, service)
	}
	if err != nil {
		d.streams.tell(err.Error())
	}
	image, err := f.OpenImage(ctx, name, d.journals)
	if err != nil {
		place := "a service of Compose here"
		if compose.File != "" {
			place = "a service of " + compose.File
		}
		return nil, fmt.Errorf("%s is no container, not %s, and no image of Docker Engine; as an image of a registry: %w", visible.Quote(name), place, err)
	}
	return image, nil
}

func (d debugging) service(ctx context.Context, f session.Finder, compose session.Compose, service string) (session.Target, error) {
	id, note, err := compose.Container(ctx, f.Engine, service)
	if err != nil {
		return nil, err
	}
	if note != "" {
		d.streams.tell(note)
	}
	container, err := session.OpenContainer(ctx, f.Engine, id, d.journals)
	if err != nil {
		return nil, err
	}
	if container == nil {
		return nil, fmt.Errorf("the container of the service %s was removed meanwhile", visible.Quote(service))
	}
	return container, nil
}
