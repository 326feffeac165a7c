package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/composefile"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"golang.org/x/sync/errgroup"
)

// skippedService is a service that is not debugged.
type skippedService struct {
	Service string `json:"service"`
	Reason  string `json:"reason"`
}

// checkServices finds the debug image of each service. Without one, a service that was named is
// an error, and another is skipped.
func (s streams) checkServices(ctx context.Context, flags *composeFlags, services []*composefile.Service, named []string) ([]composefile.Debugged, []skippedService, error) {
	env, err := bake.ReadEnvironment()
	if err != nil {
		return nil, nil, err
	}
	engine, err := bake.ConnectEngine(ctx, &patience.Patience{Tell: s.tell})
	if err == nil {
		defer func() { _ = engine.Close() }()
	}
	checks := make([]*serviceCheck, len(services))
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(checksAtOnce)
	for i, service := range services {
		_, image := flags.images[service.Name]
		checks[i] = &serviceCheck{flags: flags, streams: s, env: env, engine: engine, named: image || slices.Contains(named, service.Name)}
		checks[i].out.Service = service
		group.Go(func() error {
			if err := checks[i].run(each); err != nil {
				return fmt.Errorf("service %s: %w", service.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	shareImages(checks)
	var debugged []composefile.Debugged
	skipped := []skippedService{}
	for _, c := range checks {
		switch {
		case c.skipped == "":
			debugged = append(debugged, c.out)
		case c.named:
			return nil, nil, fmt.Errorf("service %s: %s", c.out.Name, c.skipped)
		default:
			skipped = append(skipped, skippedService{c.out.Name, c.skipped})
		}
	}
	return debugged, skipped, nil
}

// shareImages gives services the debug image that another one builds from the same production
// image.
func shareImages(checks []*serviceCheck) {
	for _, c := range checks {
		for _, other := range checks {
			if c.out.Build == nil && c.given == "" && other.out.Build != nil && other.skipped == "" && other.out.SharesImage(c.out.Service) && c.barred == "" {
				c.skipped, c.out.BuiltBy, c.out.Variant = "", other.out.Name, other.out.Variant
				break
			}
		}
	}
}

// serviceCheck finds the debug image of a service.
type serviceCheck struct {
	flags   *composeFlags
	streams streams
	env     bake.Environment
	engine  *docker.Engine // nil for none
	named   bool

	// given is the debug image that a flag names, barred why the service cannot be debugged with
	// any image, skipped why it is not.
	given, barred, skipped string

	out composefile.Debugged
}

func (c *serviceCheck) run(ctx context.Context) error {
	service := c.out.Service
	c.given = c.flags.images[service.Name]
	c.barred = service.NoContainer()
	if c.barred == "" && c.flags.preset.Variant.Kind == variants.KindRemote {
		c.barred = service.Unreachable()
	}
	switch {
	case c.barred != "":
		c.skipped = c.barred
		return nil
	case service.Build == nil:
		return c.lookUp(ctx)
	case c.given != "":
		return errors.New("it is built, and --image is for services that are not: leave it out")
	}
	return c.explain(ctx)
}

// explain asks which debug image the service's build makes.
func (c *serviceCheck) explain(ctx context.Context) error {
	service := c.out.Service
	target := service.Target()
	if name := target.Linked(); name != "" && !c.named {
		c.skipped = fmt.Sprintf("its context %s is the result of another service, which only a build can tell: name the service if it is a Go program", name)
		return nil
	}
	check := targetCheck{flags: &c.flags.buildFlags, target: target, what: "service", builder: "docker compose", streams: c.streams, adapt: c.adapt}
	if err := check.run(ctx, c.env); err != nil {
		return err
	}
	if len(check.skipped) > 0 && variants.ClaimsPort(check.skipped[0].Reason) {
		// The debugger gets another port, whichever is free.
		again := check
		again.variants, again.skipped = nil, nil
		again.adapt = func(v *variants.Request) {
			c.adapt(v)
			c.out.Moved = v.Listen == ""
			if c.out.Moved {
				v.Listen = fmt.Sprintf(":%d", otherPort)
			}
		}
		if err := again.run(ctx, c.env); err != nil {
			return err
		}
		if c.out.Moved {
			check = again
		}
	}
	if len(check.variants) == 0 {
		c.skipped = check.skipped[0].Reason
		return nil
	}
	c.out.Variant = check.variants[0]
	if c.out.Moved {
		c.out.Variant.Listen = ""
	}
	return nil
}

// otherPort stands for the one that a debugger gets where production's image needs its own.
const otherPort = 65535

// adapt asks for an image that the compose file starts with a debugger.
func (c *serviceCheck) adapt(v *variants.Request) {
	if v.Entry == "" && v.Variant.Kind == variants.KindRemote && c.out.StartsElsewhere() {
		v.Entry = variants.EntryInplace
	}
}

// lookUp finds the debug image of an image: the one that is named, in Docker Engine, or in the
// image's registry.
func (c *serviceCheck) lookUp(ctx context.Context) error {
	c.out.Variant = c.flags.preset
	has, err := c.inEngine(ctx)
	if has || err != nil {
		return err
	}
	client := registryFlags{insecure: c.flags.plainHTTP}
	images := debugImages{client: client.client(c.streams), variant: c.flags.preset.Preset, found: map[string]debugImageAnswer{}}
	image := cmp.Or(c.given, c.out.Image)
	answer := images.of(ctx, image, c.given != "")
	if err := ctx.Err(); err != nil {
		return err
	}
	if answer.err != nil {
		c.skipped = answer.err.Error()
		if none := (*noDebugImageError)(nil); errors.As(answer.err, &none) {
			c.skipped += fmt.Sprintf(": if it is a Go program, make one with `dlvgen derive %s --load`", image)
		}
		return nil
	}
	i := answer.image
	c.out.Debug = composefile.Image{Ref: i.Ref, Kind: i.Kind, Entry: i.Entry, Listen: i.Listen}
	if c.given == "" && c.out.HasVariables() {
		// What variables have now is not written down.
		if c.out.Debug.Ref, has = c.out.Beside(c.flags.preset); !has {
			c.skipped = "its image has variables that the name of the debug image cannot follow: add --image SERVICE=" + i.Ref
		}
	}
	return nil
}

// inEngine looks for the debug image in Docker Engine.
func (c *serviceCheck) inEngine(ctx context.Context) (has bool, err error) {
	if c.engine == nil {
		return false, nil
	}
	v, name := c.flags.preset, c.given
	if name == "" {
		ref, digest, err := registry.ParseImage(c.out.Image)
		if err != nil || digest != "" {
			return false, nil //nolint:nilerr // the registry tells
		}
		if ref, err = ref.Debug(v); err != nil {
			return false, err
		}
		name = ref.Familiar()
	}
	labels, has, err := c.engine.Labels(ctx, name)
	if err != nil || !has {
		return false, err
	}
	l, err := variants.ParseLabels(labels)
	if err != nil || l.Kind == "" || c.given == "" && cmp.Or(l.Preset, l.Variant) != v.Preset {
		return false, nil //nolint:nilerr // it is another image
	}
	ref := name
	if c.given == "" {
		if ref, has = c.out.Beside(v); !has {
			return false, nil
		}
	}
	c.out.Debug = composefile.Image{Ref: ref, Kind: l.Kind, Entry: l.Entry, Listen: l.Listen, Local: true}
	return true, nil
}
