package session

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// startVariable says how the program of a debug image starts.
const startVariable = "DLVGEN_START"

// composePrefix begins the labels of Compose, which the original keeps alone.
const composePrefix = "com.docker.compose."

// replacement is a debug image in the place of a container.
type replacement struct {
	launched
	original *Container
	start    variants.Start
}

func newReplacement(c *Container, image Image, o Options) (Debugger, error) {
	r := &replacement{
		launched: launched{engine: c.engine, journals: c.journals, image: image, platform: c.production.Platform, target: c.Name(), options: o},
		original: c, start: o.Start,
	}
	if r.start == "" {
		r.start = variants.StartContinue
	}
	if o.Process != "" {
		return nil, fmt.Errorf("--pid and --program are for a debugger beside %s: with --replace the debug image starts its own program", c.Name())
	}
	if _, err := image.Port(); err != nil {
		return nil, err
	}
	if err := reachable(c.engine); err != nil {
		return nil, err
	}
	if err := r.refuse(); err != nil {
		return nil, err
	}
	_, _, err := r.command()
	return r, err
}

// refuse says why a container cannot be replaced and put back.
func (r *replacement) refuse() error {
	seen := r.original.seen.Container
	host := seen.HostConfig
	if host == nil || seen.Config == nil {
		return fmt.Errorf("Docker Engine tells no configuration of the container %s", r.target)
	}
	switch {
	case host.AutoRemove:
		return fmt.Errorf("the container %s was started with --rm, so it would be lost when it is stopped: leave --replace out, or start it without --rm", r.target)
	case host.NetworkMode.IsHost():
		return fmt.Errorf("the container %s uses the network of its host, where anybody could reach its debugger: leave --replace out", r.target)
	case host.NetworkMode.IsContainer():
		return fmt.Errorf("the container %s uses the network of another one (%s), and publishes no port of its own: leave --replace out", r.target, host.NetworkMode)
	case host.NetworkMode.IsNone():
		return fmt.Errorf("the container %s has no network, and publishes no port: leave --replace out", r.target)
	case host.PidMode.IsContainer():
		return fmt.Errorf("the container %s uses the PID namespace of another one: leave --replace out", r.target)
	case seen.State != nil && seen.State.Paused:
		return fmt.Errorf("the container %s is paused: let it run first with `docker unpause %[1]s`", r.target)
	}
	return nil
}

// command is what the container is started with: nil where the debug image's own is meant.
func (r *replacement) command() (entrypoint, cmd []string, err error) {
	config := r.original.seen.Container.Config
	if r.image.Labels.Entry == variants.EntryInplace {
		return config.Entrypoint, config.Cmd, nil // the debugger is at the program's path
	}
	image := r.original.image.Config
	if image == nil {
		return nil, nil, fmt.Errorf("Docker Engine has no image any more that tells which command of %s is its own", r.target)
	}
	if !slices.Equal(image.Entrypoint, config.Entrypoint) {
		return nil, nil, fmt.Errorf("the container %s replaces the entrypoint of its image by %q, which would start without the debugger: build the debug image with --entry inplace", r.target, config.Entrypoint)
	}
	if !slices.Equal(image.Cmd, config.Cmd) {
		return nil, config.Cmd, nil
	}
	return nil, nil, nil
}

// createOptions make the replacement, and name its other networks: they are the original's, but for the image, how it is
// started, and the debugger's port.
func (r *replacement) createOptions() (client.ContainerCreateOptions, []string, error) {
	seen := r.original.seen.Container
	config, host := *seen.Config, *seen.HostConfig
	var err error
	config.Image = r.image.Ref
	config.AttachStdin, config.AttachStdout, config.AttachStderr = false, false, false
	if config.Entrypoint, config.Cmd, err = r.command(); err != nil {
		return client.ContainerCreateOptions{}, nil, err
	}
	config.Env = withVariable(config.Env, startVariable, string(r.start))
	config.Labels = map[string]string{}
	for name, value := range seen.Config.Labels {
		if !strings.HasPrefix(name, composePrefix) {
			config.Labels[name] = value
		}
	}
	config.ExposedPorts = network.PortSet{}
	for port := range seen.Config.ExposedPorts {
		config.ExposedPorts[port] = struct{}{}
	}
	host.ContainerIDFile = ""
	host.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyDisabled}
	host.Mounts = r.mounts()
	host.PortBindings = r.ports()
	port, err := r.image.Port()
	if err != nil {
		return client.ContainerCreateOptions{}, nil, err
	}
	bind(&config, &host, port, r.options.Port)
	first, others := r.networks()
	return client.ContainerCreateOptions{Config: &config, HostConfig: &host, NetworkingConfig: first}, others, nil
}

// ports are the ports that the original publishes, at those of the machine that it has now.
func (r *replacement) ports() network.PortMap {
	ports := network.PortMap{}
	for port, bindings := range r.original.seen.Container.HostConfig.PortBindings {
		ports[port] = slices.Clone(bindings)
		settings := r.original.seen.Container.NetworkSettings
		if settings == nil {
			continue
		}
		now := settings.Ports[port]
		for i, b := range ports[port] {
			if (b.HostPort == "" || b.HostPort == "0" || strings.Contains(b.HostPort, "-")) && i < len(now) {
				ports[port][i].HostPort = now[i].HostPort
			}
		}
	}
	return ports
}

// mounts are the original's, its unnamed volumes among them.
func (r *replacement) mounts() []mount.Mount {
	seen := r.original.seen.Container
	list := slices.Clone(seen.HostConfig.Mounts)
	for _, m := range seen.Mounts {
		if m.Type != mount.TypeVolume || m.Name == "" || isBound(seen.HostConfig.Binds, m.Destination) {
			continue
		}
		i := slices.IndexFunc(list, func(one mount.Mount) bool { return one.Target == m.Destination })
		if i < 0 {
			i, list = len(list), append(list, mount.Mount{Type: mount.TypeVolume, Target: m.Destination, ReadOnly: !m.RW})
		}
		if list[i].Type == mount.TypeVolume {
			list[i].Source = m.Name
		}
	}
	return list
}

// isBound tells whether a -v of a container mounts something there.
func isBound(binds []string, destination string) bool {
	return slices.ContainsFunc(binds, func(bind string) bool {
		fields := strings.Split(bind, ":")
		return len(fields) > 1 && fields[1] == destination
	})
}

// networks are the original's: the first for the container's beginning, since an older engine
// takes one only, and the names of the others.
func (r *replacement) networks() (first *network.NetworkingConfig, others []string) {
	seen := r.original.seen.Container
	mode := seen.HostConfig.NetworkMode
	if seen.NetworkSettings == nil {
		return nil, nil
	}
	for name, settings := range seen.NetworkSettings.Networks {
		switch {
		case settings == nil:
		case name == string(mode) || settings.NetworkID == string(mode):
			if mode.IsUserDefined() {
				first = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{name: r.endpoint(settings)}}
			}
		case name == "bridge" && (mode.IsDefault() || mode.IsBridge()):
		default:
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return first, others
}

// endpoint is what was configured of a container's place in a network.
func (r *replacement) endpoint(of *network.EndpointSettings) *network.EndpointSettings {
	short := r.original.id()[:12]
	aliases := slices.DeleteFunc(slices.Clone(of.Aliases), func(alias string) bool { return alias == short })
	return &network.EndpointSettings{IPAMConfig: of.IPAMConfig, Links: of.Links, Aliases: aliases, DriverOpts: of.DriverOpts, GwPriority: of.GwPriority}
}

// Start implements [Debugger].
func (r *replacement) Start(ctx context.Context) (Endpoint, error) {
	if _, err := r.ensure(ctx); err != nil {
		return Endpoint{}, err
	}
	options, others, err := r.createOptions()
	if err != nil {
		return Endpoint{}, err
	}
	state := r.original.seen.Container.State
	entry := journal{Original: r.original.id(), Name: r.target, Ran: state != nil && state.Running}
	if err := r.begin(entry); err != nil {
		return Endpoint{}, err
	}
	// What the engine refuses, it refuses before the original is touched.
	if err := r.create(ctx, options); err != nil {
		return Endpoint{}, err
	}
	for _, name := range others {
		endpoint := r.endpoint(r.original.seen.Container.NetworkSettings.Networks[name])
		if _, err := r.engine.NetworkConnect(context.WithoutCancel(ctx), name, client.NetworkConnectOptions{Container: r.id, EndpointConfig: endpoint}); err != nil {
			return Endpoint{}, fmt.Errorf("connecting the debug container of %s with the network %s: %w", r.target, name, err)
		}
	}
	if err := r.swap(ctx); err != nil {
		return Endpoint{}, err
	}
	return r.serve(ctx, r.start == variants.StartContinue)
}

// swap puts the replacement in the place of the original.
func (r *replacement) swap(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx = context.WithoutCancel(ctx) // as in create
	r.options.Tell(fmt.Sprintf("stopping %s, which comes back at the end of the session", r.target))
	if err := r.engine.StopContainer(ctx, r.original.id(), 0); err != nil {
		return err
	}
	if err := r.engine.Rename(ctx, r.original.id(), r.entry.Aside); err != nil {
		return err
	}
	return r.engine.Rename(ctx, r.id, r.target)
}

// Ended implements [Debugger].
func (r *replacement) Ended(ctx context.Context) error { return r.ended(ctx) }

// Steps implements [Debugger].
func (r *replacement) Steps() []Step {
	port, _ := r.image.Port() // was read before
	aside := r.target + "-production"
	run := []string{"docker", "run", "-d", "--name", r.target, "-p", publish(port, r.options.Port), "-e", startVariable + "=" + string(r.start)}
	run = append(run, r.flags()...)
	run = append(run, r.image.Ref)
	if _, cmd, err := r.command(); err == nil {
		run = append(run, cmd...)
	}
	return []Step{
		{Why: "the container steps aside, and is kept as it is", Words: []string{"docker", "stop", r.target}},
		{Words: []string{"docker", "rename", r.target, aside}},
		{Why: "the debug image with its name, its settings, networks, ports and volumes, and the debugger's port on loopback", Words: run, EnvOf: aside},
		{Why: "the end: the container is back, and runs", Words: []string{"docker", "rm", "-f", r.target}},
		{Words: []string{"docker", "rename", aside, r.target}},
		{Words: []string{"docker", "start", r.target}},
	}
}

// flags are the most common ones of `docker run` that the original was started with. Values of
// its environment are left to its own configuration: they may be secrets.
func (r *replacement) flags() []string {
	seen := r.original.seen.Container
	var words []string
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, value)
		}
	}
	if mode := seen.HostConfig.NetworkMode; mode.IsUserDefined() {
		add("--network", string(mode))
	}
	for port, bindings := range r.ports() {
		for _, b := range bindings {
			at := b.HostPort
			if b.HostIP.IsValid() {
				at = b.HostIP.String() + ":" + at
			}
			add("-p", at+":"+port.String())
		}
	}
	for _, bind := range seen.HostConfig.Binds {
		add("-v", bind)
	}
	for _, m := range r.mounts() {
		add("--mount", fmt.Sprintf("type=%s,source=%s,target=%s", m.Type, m.Source, m.Target))
	}
	add("--user", seen.Config.User)
	if seen.HostConfig.ReadonlyRootfs {
		words = append(words, "--read-only")
	}
	if memory := seen.HostConfig.Memory; memory > 0 {
		add("--memory", strconv.FormatInt(memory, 10))
	}
	return words
}

// variable is the value of an environment variable.
func variable(env []string, name string) (string, bool) {
	for _, one := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(one, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// withVariable sets an environment variable.
func withVariable(env []string, name, value string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(one string) bool { return strings.HasPrefix(one, name+"=") })
	return append(env, name+"="+value)
}
