package composefile

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bakefile"
)

// sidecarSuffix is what the name of a sidecar has behind that of its service.
const sidecarSuffix = "-debug"

// addSidecar writes a service that debugs another, which stays as it is.
func (w *writer) addSidecar(d Debugged, line Line) error {
	name := d.Name + sidecarSuffix
	if _, ok := w.project.AllServices()[name]; ok {
		return fmt.Errorf("the project has a service %s, which is the name of the sidecar of %s: rename it", name, d.Name)
	}
	if d.GetScale() > 1 {
		return fmt.Errorf("service %s has %d containers, and a sidecar debugs one: choose --variant remote", d.Name, d.GetScale())
	}
	s := w.service(name)
	address, fixed := d.Debug.Listen, true
	if d.Build != nil {
		address, fixed = d.Variant.Address(), true
	}
	beside := &Service{project: w.project}
	beside.Name = name
	at, err := w.ports.place(beside, address, fixed, false)
	if err != nil {
		return err
	}
	s.PID, s.CapAdd, s.Ports = "service:"+d.Name, []string{ptrace}, []string{at.mapping()}
	s.Profiles = slices.Clone(d.Profiles)
	for i, profile := range s.Profiles {
		s.Profiles[i] = escaped(profile)
	}
	if s.Platform, _ = d.rawText("platform"); s.Platform == "" {
		s.Platform = escaped(d.Platform)
	}
	switch {
	case d.Build != nil:
		if s.Build, err = d.copiedBuild(w); err != nil {
			return err
		}
		s.Image = d.debugName(d.Variant)
		line.Built = true
	case d.BuiltBy != "":
		return fmt.Errorf("service %s has the image of %s: debug that one", d.Name, d.BuiltBy)
	default:
		s.Image = d.Debug.Ref
	}
	line.Image, _ = w.project.substituted(s.Image)
	line.Address, line.Sidecar = at.String(), name
	w.out.Lines = append(w.out.Lines, line)
	return nil
}

// copiedBuild is production's build, as the files have it, with the args of the variant.
func (d Debugged) copiedBuild(w *writer) (map[string]any, error) {
	raw, known := d.raw("build")
	has, ok := raw.(map[string]any)
	if !known || !ok {
		return nil, fmt.Errorf("service %s has a build that cannot be copied with its variables: choose --variant remote", d.Name)
	}
	b := maps.Clone(has)
	delete(b, "tags")
	delete(b, "cache_to")
	if context, ok := b["context"].(string); ok && filepath.IsAbs(context) {
		b["context"] = d.project.fromProject(context)
	}
	args := map[string]any{"BUILDKIT_SYNTAX": w.syntax()}
	for name, value := range bakefile.Args(d.Variant) {
		args[name] = escaped(value)
	}
	switch has := b["args"].(type) {
	case map[string]any:
		all := maps.Clone(has)
		maps.Copy(all, args)
		b["args"] = all
	case []any:
		list := slices.DeleteFunc(slices.Clone(has), func(arg any) bool {
			name, _, _ := strings.Cut(fmt.Sprint(arg), "=")
			return args[name] != nil
		})
		for _, name := range slices.Sorted(maps.Keys(args)) {
			list = append(list, fmt.Sprintf("%s=%s", name, args[name]))
		}
		b["args"] = list
	default:
		b["args"] = args
	}
	return b, nil
}
