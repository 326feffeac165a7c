package composefile

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
)

// Image is a debug image that there is.
type Image struct {
	Ref    string
	Kind   variants.Kind
	Entry  variants.Entry
	Listen string // "host:port" with an optional host

	// Local says that Docker Engine has it, and maybe no registry.
	Local bool
}

// canonical is an image's reference with its registry and tag, the text itself where it is none.
func canonical(image string) string {
	ref, digest, err := registry.ParseImage(image)
	if err != nil {
		return image
	}
	return ref.String() + "@" + digest
}

// debugName is the name of the image that a variant of the service's build gets, as compose files
// have it: with the variables of production's name, where that follows them.
func (s *Service) debugName(v variants.Request) string {
	if s.Image == "" {
		return s.ownName(v, "")
	}
	name, ok := s.Beside(v)
	if !ok {
		return s.ownName(v, "")
	}
	return name
}

// HasVariables says that the files have the service's image with variables in it.
func (s *Service) HasVariables() bool {
	raw, known := s.rawText("image")
	return !known || strings.Contains(raw, "$")
}

// Beside is the debug reference beside production's, as compose files have it, with the same
// variables. It is not ok where there is none, or it does not follow the variables.
func (s *Service) Beside(v variants.Request) (name string, ok bool) {
	ref, digest, err := registry.ParseImage(s.Image)
	if err != nil || digest != "" {
		return "", false
	}
	if ref, err = ref.Debug(v); err != nil {
		return "", false
	}
	if !s.HasVariables() {
		return ref.Familiar(), true
	}
	raw, known := s.rawText("image")
	suffix := v.Variant.Suffix
	if !known || strings.Contains(suffix, "{") {
		return "", false
	}
	for _, candidate := range []string{raw + suffix, raw + ":latest" + suffix} {
		if got, ok := s.project.substituted(candidate); ok && canonical(got) == canonical(ref.String()) {
			return candidate, true
		}
	}
	return "", false
}

// ownName is a name for a debug image without a production name to follow. more tells it from the
// name of another service.
func (s *Service) ownName(v variants.Request, more string) string {
	name := notInNames.ReplaceAllString(strings.ToLower(s.Name), "-")
	return "${COMPOSE_PROJECT_NAME:-" + s.project.Name + "}-" + cmp.Or(strings.Trim(name, "-"), "service") + more + ":latest" + escaped(v.FileSuffix())
}

// notInNames separates words, and names of images have one of them between two words.
var notInNames = regexp.MustCompile(`[._-]+`)

// rawText is a text of the service as the files have it.
func (s *Service) rawText(keys ...string) (text string, known bool) {
	part, known := s.raw(keys...)
	text, is := part.(string)
	return text, known && is
}

// raw is a part of the service as the files have it, with its variables. It is not known where
// the files cannot be read so, and where a variable would be another in the file that is written:
// files that are included have variables of their own.
func (s *Service) raw(keys ...string) (part any, known bool) {
	part, value := s.project.raw[s.Name], s.project.values[s.Name]
	for _, key := range keys {
		of, _ := part.(map[string]any)
		has, _ := value.(map[string]any)
		part, value = of[key], has[key]
	}
	return part, part != nil && s.project.follows(part, value)
}

// follows says that the variables of a part have the project's values.
func (p *Project) follows(part, value any) bool {
	switch part := part.(type) {
	case map[string]any:
		has, ok := value.(map[string]any)
		for key := range part {
			ok = ok && p.follows(part[key], has[key])
		}
		return ok
	case []any:
		has, ok := value.([]any)
		ok = ok && len(has) == len(part)
		for i := range part {
			ok = ok && p.follows(part[i], has[i])
		}
		return ok
	}
	text, ok := p.substituted(fmt.Sprint(part))
	return ok && text == fmt.Sprint(value)
}

// substituted is a text with the variables put in.
func (p *Project) substituted(text string) (string, bool) {
	got, err := template.SubstituteWithOptions(text, func(name string) (string, bool) {
		value, ok := p.Environment[name]
		return value, ok
	}, template.WithoutLogging)
	return got, err == nil
}

// escaped is a text that compose reads as it is.
func escaped(text string) string { return strings.ReplaceAll(text, "$", "$$") }
