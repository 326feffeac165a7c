package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/internal/visible"
)

// composeTarget begins the name of a service.
const composeTarget = "compose:"

// imageWithin is how long Docker Engine may take to tell whether it has the image of --image: for a
// pod it need not be there.
const imageWithin = 2 * time.Second

// pod finds a container of a pod.
func (d debugging) pod(ctx context.Context, f *session.Finder, waits *patience.Patience, o cluster.Object) (session.Target, error) {
	c, err := cluster.Connect(d.flags.cluster, waits)
	if err != nil {
		return nil, err
	}
	if !d.flags.dryRun {
		if err := d.journals.SweepCluster(ctx, c, d.streams.tell); err != nil {
			d.streams.tell(err.Error())
		}
	}
	if d.flags.image != "" { // which may be in a cluster of this machine, and in no registry
		f.Engine, _ = bake.ConnectEngine(ctx, &patience.Patience{Limit: imageWithin})
	}
	return f.OpenPod(ctx, c, o, d.flags.container, d.journals)
}

// onEngine finds what Docker Engine has of a name.
func (d debugging) onEngine(ctx context.Context, f *session.Finder, waits *patience.Patience, name string) (target session.Target, err error) {
	if f.Engine, err = bake.ConnectEngine(ctx, waits); err != nil {
		return nil, err
	}
	if !d.flags.dryRun {
		if err := d.journals.Sweep(ctx, f.Engine, d.streams.tell); err != nil {
			d.streams.tell(err.Error())
		}
	}
	return d.target(ctx, *f, name)
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
