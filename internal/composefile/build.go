package composefile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/dlvgen/dlvgen/internal/bakefile"
)

// image has the service run the debug image.
func (w *writer) image(d Debugged, s *service, line *Line) {
	switch {
	case d.Build != nil:
		s.Image, s.Build = w.build(d)
		s.PullPolicy = notPulled(d.PullPolicy, types.PullPolicyBuild)
		if w.Watch && d.Develop == nil {
			s.Develop = d.watch()
		}
		line.Built = true
	case d.BuiltBy != "":
		s.Image = w.services[d.BuiltBy].Image
		s.PullPolicy = notPulled(d.PullPolicy, types.PullPolicyMissing)
	default:
		s.Image = d.Debug.Ref
		if d.Debug.Local {
			s.PullPolicy = notPulled(d.PullPolicy, types.PullPolicyMissing)
		}
	}
	line.Image, _ = w.project.substituted(s.Image)
}

// notPulled is the policy for an image that no registry may have: another one than the service's,
// if that looks there each time, else empty.
func notPulled(has, other string) string {
	switch has {
	case "", types.PullPolicyMissing, types.PullPolicyIfNotPresent, types.PullPolicyNever, types.PullPolicyBuild:
		return ""
	}
	return other
}

// build is the name of the debug image, and what is added to production's build.
func (w *writer) build(d Debugged) (name string, b *build) {
	args := bakefile.Args(d.Variant)
	name = w.unique(d, args)
	b = &build{Args: map[string]string{"BUILDKIT_SYNTAX": w.syntax()}}
	for arg, value := range args {
		b.Args[arg] = escaped(value)
	}
	if len(d.Build.Tags) > 0 {
		b.Tags = &reset{}
	}
	if slices.ContainsFunc(d.Build.CacheTo, func(to string) bool { return !isInline(to) }) {
		b.CacheTo = &reset{}
	}
	return name, b
}

// unique is a name for the debug image that no other build has. Two services may have one image, if
// their builds have the same args.
func (w *writer) unique(d Debugged, args map[string]string) string {
	name := d.debugName(d.Variant)
	if other, taken := w.names[name]; taken && (d.Image == "" || !maps.Equal(other, args)) {
		name = d.ownName(d.Variant, "")
		for n := 2; w.names[name] != nil; n++ {
			name = d.ownName(d.Variant, fmt.Sprintf("-%d", n))
		}
	}
	w.names[name] = args
	return name
}

// syntax is the frontend image, which a variable of the environment replaces.
func (w *writer) syntax() string { return "${DLVGEN_SYNTAX:-" + escaped(w.Syntax) + "}" }
