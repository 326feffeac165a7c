package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/emulation"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/moby/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// target is what is to be debugged: a container, a pod, an image of Docker Engine, or one of a
// registry.
type target struct {
	name       string
	production session.Production

	// container is what Docker Engine says of it, nil for an image.
	container *client.ContainerInspectResult

	// pod is nil but for one; notes are what was said when it was looked up.
	pod   *session.Pod
	notes []string

	// engine is nil where no Docker Engine has the image: it is read from its registry.
	engine *docker.Engine
	image  client.ImageInspectResult

	// sandbox is the runtime that keeps the container's processes to itself, empty for others.
	sandbox string
}

// labels are the debug image's, without a kind where it is none.
func (t *target) labels() variants.Labels { return t.production.Labels }

func (d *Doctor) target(ctx context.Context) (*target, error) {
	return d.targetFact.get(ctx, func(ctx context.Context) (*target, error) {
		if d.Connect != nil {
			return d.podTarget(ctx)
		}
		e, err := d.engine(ctx)
		if err != nil {
			return d.published(ctx, err)
		}
		opened, err := d.Open(ctx, d.finder(e, nil))
		if err != nil {
			return nil, err
		}
		situation := opened.Situation()
		t := &target{name: opened.Name(), production: opened.Production(), sandbox: situation.Sandbox}
		if !situation.Image {
			seen, has, err := e.Container(ctx, t.name)
			if err != nil || !has {
				return nil, errors.Join(err, fmt.Errorf("the container %s is gone", t.name))
			}
			t.container = &seen
		}
		image, has, err := e.Image(ctx, t.production.ID)
		if has {
			t.engine, t.image = e, image
		} else if t.container != nil {
			t.engine = e
		}
		return t, err
	})
}

// finder looks debug images up.
func (d *Doctor) finder(e *docker.Engine, tell func(string)) session.Finder {
	if tell == nil {
		tell = func(string) {}
	}
	return session.Finder{Engine: e, Registry: d.reg, Tell: tell}
}

// published is an image of a registry, where there is no Docker Engine to ask.
func (d *Doctor) published(ctx context.Context, noEngine error) (*target, error) {
	ref, digest, err := registry.ParseImage(d.Target)
	if err != nil || !registry.IsWhole(d.Target) || strings.HasPrefix(d.Target, "compose:") {
		return nil, noEngine // it means a container
	}
	labels, err := d.reg.Labels(ctx, ref, digest)
	if err != nil {
		return nil, errors.Join(err, noEngine)
	}
	t := &target{name: d.Target, production: session.Production{Name: d.Target}}
	if ref.Tag() != "" {
		t.production.Tags = []registry.Reference{ref}
	}
	if t.production.ID, _, err = d.reg.Images(ctx, ref, digest); err != nil {
		return nil, err
	}
	t.production.Digests = []string{ref.Repository() + "@" + t.production.ID}
	if variants.Ours(labels) {
		if t.production.Labels, err = variants.ParseLabels(labels); err != nil {
			return nil, fmt.Errorf("%s has %w", d.Target, err)
		}
	}
	return t, nil
}

// noTarget is the finding of checks that need one.
func noTarget() finding { return skipped("the target was not found") }

// checkTarget says what the target is.
func (d *Doctor) checkTarget(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		remedy := "name a container, a service of Compose, or an image: `docker ps`, `docker images`"
		if d.Connect != nil {
			remedy = d.podRemedy(ctx, err)
		}
		return failedWith(remedy, err)
	}
	what := "production image"
	if kind := t.labels().Kind; kind != "" {
		what = fmt.Sprintf("debug image (%s)", kind)
	}
	switch {
	case t.pod != nil:
		return d.checkPod(ctx, t, what)
	case t.container == nil && t.engine == nil:
		return found("%s is a %s of a registry", t.production, what)
	case t.container == nil:
		return found("%s is a %s of Docker Engine", t.production, what)
	}
	text := fmt.Sprintf("%s is a container of the %s %s", t.name, what, t.production)
	state := t.container.Container.State
	switch {
	case state == nil || state.Running && !state.Paused && !state.Restarting:
		return found("%s", text)
	case state.Paused:
		return failed("`docker unpause "+t.name+"`", "%s, and it is paused", text)
	case state.Restarting:
		return failed("see why it ends: `docker logs "+t.name+"`", "%s, and it ends and is started again and again", text)
	}
	return failed("`docker start "+t.name+"`, or see why it has ended: `docker logs "+t.name+"`", "%s, and it does not run: its state is %s", text, state.Status)
}

// checkPlatform compares the platform of the image with that of the machine which runs it.
func (d *Doctor) checkPlatform(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	if t.engine == nil {
		return d.checkPublishedPlatforms(ctx, t)
	}
	own, err := d.platform(ctx)
	if err != nil {
		return failed("", "%s", err)
	}
	name := t.production.Platform
	if name == "" {
		return skipped("Docker Engine does not have the image any more")
	}
	p, err := platforms.Parse(name)
	if err != nil {
		return failed("", "the image is for %q, which is no platform", name)
	}
	if !emulation.Native(p, own) {
		return emulated(t.name, name, own)
	}
	return found("%s is for %s, and Docker Engine runs on %s", t.name, name, path.Join(own.OS, own.Architecture))
}

func emulated(name, platform string, own ocispecs.Platform) finding {
	return failed("run it on a machine of that platform, or build it for this one with --platform "+path.Join(own.OS, own.Architecture),
		"%s is for %s, and Docker Engine runs on %s: emulators do not support ptrace, so Delve cannot debug it there", name, platform, path.Join(own.OS, own.Architecture))
}

func (d *Doctor) checkPublishedPlatforms(ctx context.Context, t *target) finding {
	images, err := d.publishedImages(ctx, t.production)
	if err != nil {
		return failed("", "%s", err)
	}
	var names []string
	for _, img := range images {
		names = append(names, img.Platform)
	}
	if _, err := d.engine(ctx); err != nil {
		return found("%s is for %s", t.name, strings.Join(names, ", "))
	}
	own, err := d.platform(ctx)
	if err != nil {
		return failed("", "%s", err)
	}
	native := slices.ContainsFunc(names, func(name string) bool {
		p, err := platforms.Parse(name)
		return err == nil && emulation.Native(p, own)
	})
	if !native && len(names) > 0 {
		return emulated(t.name, strings.Join(names, ", "), own)
	}
	return found("%s is for %s, and Docker Engine runs on %s", t.name, strings.Join(names, ", "), path.Join(own.OS, own.Architecture))
}

// publishedImages are those of an image in its registry.
func (d *Doctor) publishedImages(ctx context.Context, p session.Production) ([]registry.PlatformImage, error) {
	var unread error
	for _, one := range p.Digests {
		ref, digest, err := registry.ParseImage(one)
		if err != nil {
			continue
		}
		_, images, err := d.reg.Images(ctx, ref, digest)
		if err == nil && len(images) > 0 {
			return images, nil
		}
		unread = cmp.Or(unread, err)
	}
	return nil, cmp.Or(unread, fmt.Errorf("no registry has %s", p))
}

// checkContainer says what the container's own settings mean for ptrace.
func (d *Doctor) checkContainer(ctx context.Context) finding {
	t, err := d.target(ctx)
	switch {
	case err != nil:
		return noTarget()
	case t.container == nil || t.container.Container.HostConfig == nil || t.container.Container.Config == nil:
		return skipped("%s is no container", t.name)
	}
	seen := t.container.Container
	host := seen.HostConfig
	user := seen.Config.User
	if user == "" {
		user = "root"
	}
	traces := host.Privileged || mentions(host.CapAdd, "SYS_PTRACE") || slices.Contains(host.CapAdd, "ALL")
	has := "without"
	if traces {
		has = "with"
	}
	text := fmt.Sprintf("%s runs as the user %s, %s the capability SYS_PTRACE", t.name, user, has)
	if len(host.SecurityOpt) > 0 {
		text += ", with " + strings.Join(host.SecurityOpt, ", ")
	}
	kind := t.labels().Kind
	scope := d.checkPtraceScope(ctx)
	switch {
	case t.sandbox != "" && !kind.Serves():
		return failed("run a debug image in its place: `dlvgen debug "+t.name+" --replace`", "%s, under %s, which shows its processes to no other container", text, t.sandbox)
	case ownProfile(host.SecurityOpt, "seccomp"):
		return warning("look for ptrace and process_vm_readv in the profile", "%s: the profile of seccomp is its own, and may forbid ptrace", text)
	case ownProfile(host.SecurityOpt, "apparmor") && kind == "":
		return warning("if the debugger may not attach, run the container with Docker's profile", "%s: a sidecar has another profile of AppArmor than the container", text)
	case kind == variants.KindAttach && !traces && strings.Contains(scope.Found, "ptrace_scope is 1"):
		return warning("run it with --cap-add SYS_PTRACE, or use `docker exec --privileged`", "%s: kernel.yama.ptrace_scope is 1, so Delve may not attach in it", text)
	case kind == "":
		text += "; a sidecar runs as root, and has SYS_PTRACE itself"
	}
	return found("%s", text)
}

// ownProfile tells whether a container has a profile that is neither Docker's nor none.
func ownProfile(options []string, name string) bool {
	return slices.ContainsFunc(options, func(option string) bool {
		key, value, _ := strings.Cut(strings.Replace(option, ":", "=", 1), "=")
		return key == name && value != "unconfined" && value != "builtin" && value != "docker-default"
	})
}

// delveLimit is how long a debugger may take to answer.
const delveLimit = 3 * time.Second

// askVersion asks a Delve for its version, which changes nothing. That somebody takes a connection
// says little: Docker's proxy does.
func askVersion(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, delveLimit)
	defer cancel()
	d, err := delverpc.Dial(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer d.Close()
	var answer struct{ DelveVersion string } // of service/api, GetVersionOut
	if err := d.Call("GetVersion", struct{}{}, &answer, delveLimit); err != nil {
		return "", err
	}
	return delveVersion(answer.DelveVersion), nil
}

// checkAddress asks the debugger that a container has.
func (d *Doctor) checkAddress(ctx context.Context) finding {
	t, err := d.target(ctx)
	switch kind := t.kindOrNone(); {
	case err != nil:
		return noTarget()
	case t.container == nil:
		return skipped("%s is no container", t.name)
	case !kind.Listens():
		return skipped("%s has no debugger that listens: `dlvgen debug` starts one", t.name)
	}
	host, port, err := variants.SplitAddress(t.labels().Listen)
	switch {
	case err != nil:
		return failed("", "the label that says where the debugger listens: %s", err)
	case host != "" && host != "0.0.0.0" && host != "::":
		return failed(fmt.Sprintf("build it with --listen :%d", port), "the debugger of %s listens at %s in its container, which nothing outside reaches", t.name, t.labels().Listen)
	}
	reach, err := t.engine.ReachOf(*t.container)
	if err != nil {
		return skipped("%s", err)
	}
	publish := fmt.Sprintf("run it with `-p 127.0.0.1:%d:%d`", d.Port, port)
	at, public, note, err := reach.Address(port)
	if err != nil {
		return failed(publish, "%s does not publish port %d, at which its debugger listens", t.name, port)
	}
	address := net.JoinHostPort(at, strconv.Itoa(public))
	version, err := askVersion(ctx, address)
	if err != nil {
		return failed("see `docker logs "+t.name+"`; DLVGEN_START=off runs the program without the debugger", "nothing answers at %s, where the debugger of %s should be", address, t.name)
	}
	text := fmt.Sprintf("the debugger of %s answers at %s%s", t.name, address, versioned(": Delve ", version))
	if note != "" {
		return warning(publish+" for clients on other machines", "%s, and its port is not published", text)
	}
	return found("%s", text)
}

// kindOrNone is the kind of a target that may be nil.
func (t *target) kindOrNone() variants.Kind {
	if t == nil {
		return ""
	}
	return t.labels().Kind
}
