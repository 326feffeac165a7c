package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// sidecar is a debugger beside the process of a container.
type sidecar struct {
	launched
	container *Container
	config    container.Config
}

// newSidecar debugs a container with the sidecar of its image.
func newSidecar(c *Container, image Image, o Options) (Debugger, error) {
	s := beside(c, image, o)
	if o.Process != "" {
		s.config.Cmd = []string{o.Process}
	}
	if o.Idle != 0 {
		s.config.Env = []string{idleVariable + "=" + o.Idle.String()}
	}
	_, err := image.Port()
	if err == nil {
		err = reachable(c.engine)
	}
	return s, err
}

// newAttached debugs the container of an attach image with the Delve of that image.
func newAttached(c *Container, o Options) (Debugger, error) {
	labels := c.Labels()
	s := attached{beside(c, Image{Ref: c.seen.Container.Image, Labels: labels, Local: true, Why: "the container's own image"}, o)}
	port, err := s.image.Port()
	if err == nil {
		err = reachable(c.engine)
	}
	if err != nil {
		return nil, err
	}
	pid := o.Process
	if pid == "" {
		pid = fmt.Sprint(docker.FirstPID)
		if c.engine.Local() {
			pid = fmt.Sprint(c.engine.ProgramPID(context.Background(), c.id(), labels.Program))
		}
	}
	s.config.Entrypoint = []string{layout.Delve}
	s.config.Cmd = []string{"attach", "--continue", fmt.Sprintf("--listen=:%d", port), "--headless=true", "--api-version=2", "--accept-multiclient", pid}
	s.config.Env = []string{"XDG_CONFIG_HOME=" + layout.Config}
	s.config.User = "0"
	s.config.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	return s, nil
}

// attached is the Delve of an attach image, which no init watches.
type attached struct{ *sidecar }

// End implements [Debugger]. A signal that stops the program may arrive after the end of Delve:
// what has exited meanwhile needs none to go on.
func (a attached) End(ctx context.Context) error {
	if err := a.sidecar.End(ctx); err != nil {
		return err
	}
	_, _ = a.engine.ContainerKill(ctx, a.container.id(), client.ContainerKillOptions{Signal: "SIGCONT"})
	return nil
}

func beside(c *Container, image Image, o Options) *sidecar {
	return &sidecar{
		launched:  launched{engine: c.engine, journals: c.journals, image: image, platform: c.production.Platform, target: c.Name(), options: o},
		container: c, config: container.Config{Image: image.Ref},
	}
}

// hostConfig has what the debugger needs to see and to trace the processes of the container.
// The profiles of AppArmor and SELinux are the container's: those of others may not trace it.
func (s *sidecar) hostConfig() *container.HostConfig {
	host := &container.HostConfig{PidMode: container.PidMode("container:" + s.container.id()), CapAdd: []string{"SYS_PTRACE"}}
	if of := s.container.seen.Container.HostConfig; of != nil {
		host.UsernsMode = of.UsernsMode
		for _, option := range of.SecurityOpt {
			if strings.HasPrefix(option, "apparmor") || strings.HasPrefix(option, "label") {
				host.SecurityOpt = append(host.SecurityOpt, option)
			}
		}
	}
	return host
}

// Steps implements [Debugger].
func (s *sidecar) Steps() []Step {
	port, _ := s.image.Port() // was read before
	name := "dlvgen-debug"
	words := []string{"docker", "run", "-d", "--name", name, "--pid", "container:" + s.target, "--cap-add", "SYS_PTRACE"}
	for _, option := range s.hostConfig().SecurityOpt {
		words = append(words, "--security-opt", option)
	}
	if mode := s.hostConfig().UsernsMode; mode != "" {
		words = append(words, "--userns", string(mode))
	}
	for _, variable := range s.config.Env {
		words = append(words, "-e", variable)
	}
	if s.config.User != "" {
		words = append(words, "--user", s.config.User)
	}
	if len(s.config.Entrypoint) > 0 {
		words = append(words, "--entrypoint", s.config.Entrypoint[0])
	}
	words = append(append(words, "-p", publish(port, s.options.Port), s.image.Ref), s.config.Cmd...)
	return []Step{
		{Why: "a debugger in the PID namespace of " + s.target + ", with the capability to attach to its process; its port is published on loopback only", Words: words},
		{Why: "the end: Delve lets the program go, which runs on", Words: []string{"docker", "stop", name}},
		{Words: []string{"docker", "rm", name}},
	}
}

// Start implements [Debugger].
func (s *sidecar) Start(ctx context.Context) (Endpoint, error) {
	if _, err := s.ensure(ctx); err != nil {
		return Endpoint{}, err
	}
	port, err := s.image.Port()
	if err != nil {
		return Endpoint{}, err
	}
	if err := s.begin(journal{}); err != nil {
		return Endpoint{}, err
	}
	host := s.hostConfig()
	bind(&s.config, host, port, s.options.Port)
	at, err := s.run(ctx, client.ContainerCreateOptions{Config: &s.config, HostConfig: host}, true)
	if err != nil && ctx.Err() == nil {
		if ended := s.container.endedWith(ctx); ended != "" {
			return at, &EndedError{Reason: ended}
		}
		return at, s.mismatch(err)
	}
	return at, err
}

// mismatch adds to an error about symbols of another build which one they belong to.
func (s *sidecar) mismatch(err error) error {
	return s.image.mismatch(err, s.target, s.container.production)
}

// mismatch adds to an error about symbols of another build which one the image's belong to.
func (i Image) mismatch(err error, target string, runs Production) error {
	problem, ok := err.(*Problem) //nolint:errorlint // of this package, not wrapped yet
	if !ok || !strings.Contains(problem.Line, "of another build") {
		return err
	}
	belongs := "nothing says which build they belong to"
	if i.Of != "" {
		belongs = "they belong to " + i.Of
	} else if name := i.Labels.Reference; name != "" {
		belongs = "they belong to another build of " + name
	}
	problem.Line = fmt.Sprintf("the symbols of %s are of another build than %s runs, %s: %s; build the sidecar of what runs, or name another with --image",
		i.Ref, target, runs.Digest(), belongs)
	return problem
}

// Ended implements [Debugger].
func (s *sidecar) Ended(ctx context.Context) error {
	code, err := s.engine.Ended(ctx, s.id)
	if ctx.Err() != nil || err != nil {
		return err
	}
	if ended := s.container.endedWith(ctx); ended != "" {
		return &EndedError{Reason: ended + ", and the debugger with it"}
	}
	logs, _ := s.engine.Logs(ctx, s.id)
	if code == 0 {
		return &EndedError{Reason: fmt.Sprintf("the program of %s has exited, and the debugger with it", s.target)}
	}
	return onEngine.explain(s.target, logs, code)
}
