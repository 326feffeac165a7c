package composefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// startVariable says how a program starts (docs/deploy.md).
const startVariable = "DLVGEN_START"

// manyFailures is how often in a row a health check may fail: a day, if it is made each second.
const manyFailures = 24 * 60 * 60

// Debugged is a service that is debugged.
type Debugged struct {
	*Service

	// Variant is the one that is built, of a service that is built.
	Variant variants.Request

	// Debug is the debug image of other services.
	Debug Image

	// Moved says that production's image needs the port of the debugger itself.
	Moved bool

	// BuiltBy is the service that builds the image, empty for another or none.
	BuiltBy string
}

func (d Debugged) kind() variants.Kind {
	if d.Build != nil || d.BuiltBy != "" {
		return d.Variant.Variant.Kind
	}
	return d.Debug.Kind
}

// Debug is what is written.
type Debug struct {
	// Start is how programs start: hold, continue, or empty for as the files say, or else at once.
	Start string

	// Port is the first that a debugger is published on.
	Port int

	// Watch adds rules for `docker compose watch`.
	Watch bool

	// Syntax is the frontend image.
	Syntax string

	// Command is the command line that writes the file again, File the path that it has.
	Command, File string

	Services []Debugged // by name
}

// Line is what is written of a service.
type Line struct {
	Service string `json:"service"`
	Variant string `json:"variant"`
	Image   string `json:"image"`

	// Address is where the debugger is reached, empty where none listens.
	Address string `json:"address,omitempty"`

	// Sidecar is the service that debugs it, empty where it debugs itself.
	Sidecar string `json:"sidecar,omitempty"`

	// Built says that docker compose builds the image.
	Built bool `json:"built"`
}

// Written is a file of debug services.
type Written struct {
	Text  []byte
	Lines []Line

	// Warnings are what the user should know.
	Warnings []string
}

// writer puts the file together.
type writer struct {
	Debug
	project  *Project
	ports    *ports
	services map[string]*service
	held     []string

	// names are the build args of each image that is built, listening the addresses of the
	// debuggers of services that are built.
	names     map[string]map[string]string
	listening map[string]string
	out       Written
}

// Debug writes the file that is used beside the project's to debug services.
func (p *Project) Debug(d Debug) (*Written, error) {
	w := &writer{
		Debug: d, project: p, ports: newPorts(p, d.Port), services: map[string]*service{},
		names: map[string]map[string]string{}, listening: map[string]string{},
	}
	for _, one := range d.Services {
		if one.Build == nil && one.BuiltBy == "" && one.kind() == variants.KindRemote {
			if err := w.ports.reserve(one.Service, one.Debug.Listen); err != nil {
				return nil, err
			}
		}
	}
	for _, own := range []bool{true, false} { // a service may have the image of another
		for _, one := range d.Services {
			if (one.BuiltBy == "") != own {
				continue
			}
			if err := w.add(one); err != nil {
				return nil, err
			}
		}
	}
	w.releaseDependants()
	slices.SortFunc(w.out.Lines, func(a, b Line) int { return strings.Compare(a.Service, b.Service) })
	var err error
	w.out.Text, err = w.text()
	return &w.out, err
}

// service is what is written of one.
func (w *writer) service(name string) *service {
	if w.services[name] == nil {
		w.services[name] = &service{}
	}
	return w.services[name]
}

// add writes what debugs a service.
func (w *writer) add(d Debugged) error {
	line := Line{Service: d.Name, Variant: d.Variant.Preset}
	if d.kind() == variants.KindSidecar {
		return w.addSidecar(d, line)
	}
	if err := d.checkEntrypoint(); err != nil {
		return err
	}
	s := w.service(d.Name)
	if d.kind() == variants.KindAttach {
		s.CapAdd = withPtrace(d.Service)
	} else {
		at, err := w.listen(&d)
		if err != nil {
			return err
		}
		line.Address = at.String()
		w.start(d, s)
		w.single(d, s)
	}
	s.HealthCheck = relaxed(d.HealthCheck)
	w.image(d, s, &line)
	w.out.Lines = append(w.out.Lines, line)
	return nil
}

// checkEntrypoint refuses a service that starts its program past the debugger.
func (d Debugged) checkEntrypoint() error {
	if d.kind() != variants.KindRemote || !d.ReplacesEntrypoint() {
		return nil
	}
	entry, made := d.Debug.Entry, d.Debug.Ref
	if d.Build != nil || d.BuiltBy != "" {
		entry, made = d.Variant.Entry, "it"
	}
	if entry == variants.EntryInplace {
		return nil
	}
	return fmt.Errorf("service %s has an entrypoint, which would start the program without the debugger: build %s with --entry=inplace", d.Name, made)
}

// listen finds a place for the debugger and publishes its port. It sets the address in the
// variant that is built.
func (w *writer) listen(d *Debugged) (place, error) {
	address, fixed := d.Debug.Listen, true
	switch {
	case d.Build != nil:
		address, fixed = d.Variant.Address(), d.Variant.Listen != ""
	case d.BuiltBy != "":
		address = w.listening[d.BuiltBy]
	}
	at, err := w.ports.place(d.Service, address, fixed, d.Moved)
	if err != nil {
		return place{}, err
	}
	if d.Build != nil {
		if at.listen() != address {
			d.Variant.Listen = at.listen()
		}
		w.listening[d.Name] = at.listen()
	}
	if at.owner != "" {
		owner := w.service(at.owner)
		owner.Ports = append(owner.Ports, at.mapping())
	} else if !delve.IsLoopback(at.host) {
		w.warn("service %s uses the network of the host, so whoever reaches the host reaches the debugger, which has no password: build it with --listen 127.0.0.1:PORT", d.Name)
	}
	return at, nil
}

// start says how the program starts.
func (w *writer) start(d Debugged, s *service) {
	own, set := d.Environment[startVariable]
	switch {
	case w.Start != "":
		s.Environment = map[string]string{startVariable: w.Start}
	case !set:
		s.Environment = map[string]string{startVariable: string(variants.StartContinue)}
	case own == nil: // the value of the environment that compose has
		s.Environment = map[string]string{startVariable: "${" + startVariable + ":-" + string(variants.StartContinue) + "}"}
		value := w.project.Environment[startVariable]
		own = &value
	}
	if w.Start == string(variants.StartHold) || w.Start == "" && set && *own == string(variants.StartHold) {
		w.held = append(w.held, d.Name)
	}
}

// single has one container of a service, since one port leads to one.
func (w *writer) single(d Debugged, s *service) {
	if d.GetScale() < 2 {
		return
	}
	one := 1
	if d.Scale != nil {
		s.Scale = &one
	}
	if d.Deploy != nil && d.Deploy.Replicas != nil {
		s.Deploy = &deploy{Replicas: 1}
	}
	w.warn("service %s has one container instead of %d, since the port of its debugger leads to one", d.Name, d.GetScale())
}

// relaxed is a health check that survives breakpoints, nil for one that is off.
func relaxed(check *types.HealthCheckConfig) *healthCheck {
	if check != nil && (check.Disable || len(check.Test) > 0 && check.Test[0] == "NONE") {
		return nil
	}
	return &healthCheck{Retries: manyFailures}
}

// withPtrace is the capability to debug the processes of others, and one's own where the
// machine's kernel.yama.ptrace_scope forbids that. It is empty for a service that has it.
func withPtrace(s *Service) []string {
	has := func(name string) bool {
		return name == ptrace || name == "CAP_"+ptrace || name == "ALL"
	}
	if s.Privileged || slices.ContainsFunc(s.CapAdd, has) {
		return nil
	}
	return []string{ptrace}
}

const ptrace = "SYS_PTRACE"

// releaseDependants has services start that would wait for the health of a program which is held.
func (w *writer) releaseDependants() {
	for _, name := range w.project.AllNames() {
		for _, held := range w.held {
			switch w.project.AllServices()[name].DependsOn[held].Condition {
			case types.ServiceConditionHealthy:
				s := w.service(name)
				if s.DependsOn == nil {
					s.DependsOn = map[string]dependency{}
				}
				s.DependsOn[held] = dependency{types.ServiceConditionStarted}
			case types.ServiceConditionCompletedSuccessfully:
				w.warn("service %s waits for the end of %s, which waits for a client", name, held)
			}
		}
	}
}

func (w *writer) warn(format string, args ...any) {
	w.out.Warnings = append(w.out.Warnings, fmt.Sprintf(format, args...))
}
