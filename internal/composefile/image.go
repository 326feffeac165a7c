package composefile

import (
	"cmp"
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

// rawText is a text of the service as the files have it. It is not known where the files cannot
// be read without variables.
func (s *Service) rawText(key string) (text string, known bool) {
	text, known = s.raw()[key].(string)
	return text, known
}

// raw is the service as the files have it, nil where that is not known.
func (s *Service) raw() map[string]any {
	service, _ := s.project.raw[s.Name].(map[string]any)
	return service
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
