package variants

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Template makes the references of debug images from production's. Users write a suffix of
// production's tag, "-dbg", or placeholders: "dbg-{tag}" is a tag of production's
// repository, "{repository}-debug:{tag}" one of another repository. The zero value is none.
type Template struct {
	repository string // empty for production's
	tag        string
}

// The placeholders.
const (
	holeTag        = "{tag}"        // production's tag
	holeRepository = "{repository}" // its whole name without the tag, the two below
	holeRegistry   = "{registry}"   // HOST[:PORT]
	holePath       = "{path}"       // the name in the registry
	holeVariant    = "{variant}"    // what users call the variant
)

var holes = []string{holeTag, holeRepository, holeRegistry, holePath, holeVariant}

var (
	holePattern = regexp.MustCompile(`\{[^{}]*\}`)

	// suffixPattern is what may follow the first character of a tag
	// (distribution-spec, "Pulling manifests").
	suffixPattern = regexp.MustCompile(`^[\w.-]+$`)

	// namePattern has the characters of repositories with their hosts. What names are valid is
	// known when production's is.
	namePattern = regexp.MustCompile(`^[\w./:\[\]-]*$`)
)

// ParseTemplate reads what users write for the tags of a variant. Its errors say what is wrong
// with that, whatever production is called.
func ParseTemplate(text string) (Template, error) {
	if !strings.ContainsAny(text, "{}") {
		if !suffixPattern.MatchString(text) {
			return Template{}, fmt.Errorf("%w, or placeholders: {tag}-dbg, {repository}-debug:{tag}", errCharacters)
		}
		return Template{tag: holeTag + text}, nil
	}
	for _, hole := range holePattern.FindAllString(text, -1) {
		if !slices.Contains(holes, hole) {
			return Template{}, fmt.Errorf("unknown placeholder %s: did you mean %s? The placeholders are %s", hole, Nearest(hole, holes), strings.Join(holes, ", "))
		}
	}
	fixed := holePattern.ReplaceAllString(text, "")
	if strings.ContainsAny(fixed, "{}") {
		return Template{}, fmt.Errorf("it has a brace that begins or ends no placeholder: the placeholders are %s", strings.Join(holes, ", "))
	}
	if !namePattern.MatchString(fixed) {
		return Template{}, errCharacters
	}
	t := Template{tag: text}
	if namesRepository(text) {
		var err error
		if t, err = splitTemplate(text); err != nil {
			return Template{}, err
		}
	}
	return t, t.check()
}

// namesRepository tells a whole reference from a tag.
func namesRepository(text string) bool {
	return strings.ContainsAny(text, "/:") || slices.ContainsFunc([]string{holeRepository, holeRegistry, holePath}, func(hole string) bool {
		return strings.Contains(text, hole)
	})
}

// splitTemplate reads a whole reference. It must name a registry: debug images are not to go to
// Docker Hub because somebody forgot it.
func splitTemplate(text string) (Template, error) {
	colon := strings.LastIndexByte(text, ':')
	if colon <= strings.LastIndexByte(text, '/') {
		return Template{}, fmt.Errorf("it names a repository and no tag: add one, such as %s:{tag}", text)
	}
	t := Template{repository: text[:colon], tag: text[colon+1:]}
	switch first, _, more := strings.Cut(t.repository, "/"); {
	case strings.HasPrefix(first, holeRepository), more && first == holeRegistry:
	case more && strings.ContainsAny(first, ".:"), more && first == "localhost":
	case more && strings.HasPrefix(first, holeRegistry+":"):
	default:
		return Template{}, errors.New("it names no registry: begin it with {repository}, {registry}/ or the registry's host, such as {registry}/debug/{path}:{tag}")
	}
	if t.repository == holeRepository || t.repository == holeRegistry+"/"+holePath {
		t.repository = ""
	}
	return t, nil
}

func (t Template) check() error {
	fixed := strings.NewReplacer(holeTag, "", holeVariant, "").Replace(t.tag)
	hole := holePattern.FindString(fixed)
	switch {
	case hole != "":
		return fmt.Errorf("%s cannot stand in a tag", hole)
	case t.tag == "":
		return errors.New("it names a repository and no tag: add one, such as {tag}")
	case fixed != "" && !suffixPattern.MatchString(fixed):
		return errCharacters
	case t.tag[0] == '-' || t.tag[0] == '.':
		return fmt.Errorf("a tag cannot begin with %q: did you mean {tag}%s?", t.tag[:1], t.tag)
	case t.repository == "" && t.tag == holeTag:
		return errors.New("it gives production's own tag")
	}
	return nil
}

// String is the template as it is read, in the shortest form: "-dbg" for "{tag}-dbg".
func (t Template) String() string {
	if suffix, ok := t.suffix(); ok {
		return suffix
	}
	if t.repository == "" && strings.Contains(t.tag, "{") {
		return t.tag
	}
	return t.Whole()
}

// Whole is the template with its repository and its tag: "{repository}:{tag}-dbg".
func (t Template) Whole() string { return cmp.Or(t.repository, holeRepository) + ":" + t.tag }

// suffix is what the template adds to production's tag, if that is all.
func (t Template) suffix() (string, bool) {
	suffix, ok := strings.CutPrefix(t.tag, holeTag)
	return suffix, ok && t.repository == "" && suffixPattern.MatchString(suffix)
}

// uses says that a placeholder's value counts.
func (t Template) uses(hole string) bool { return strings.Contains(t.Whole(), hole) }

// replace fills placeholders in.
func replace(text string, values map[string]string) string {
	var pairs []string
	for _, hole := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, hole, values[hole])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Template is that of the preset's tags.
func (r Request) Template() (Template, error) {
	t, err := ParseTemplate(r.Variant.Suffix)
	if err != nil {
		return t, fmt.Errorf("the tag suffix %q of variant %s cannot be used: %w", r.Variant.Suffix, r.Preset, err)
	}
	named := map[string]string{holeVariant: r.Preset}
	return Template{repository: replace(t.repository, named), tag: replace(t.tag, named)}, nil
}

// Tag derives the preset's tag from production's: "v1" and "-debug" give
// "v1-debug". An empty production tag means "latest". The registry's limit is 128
// characters (distribution-spec, "Pulling manifests").
func (r Request) Tag(production string) (string, error) {
	t, err := r.Template()
	if err != nil {
		return "", err
	}
	production = cmp.Or(production, "latest")
	tag := replace(t.tag, map[string]string{holeTag: production})
	if len(tag) > 128 {
		advice := fmt.Sprintf("shorten the production tag %q", production)
		if !t.uses(holeTag) {
			advice = "shorten its --tag-suffix"
		}
		return "", fmt.Errorf("the tag %q of variant %s is longer than the 128 characters that registries take: %s", tag, r.Preset, advice)
	}
	return tag, nil
}

// Repository derives the repository of the preset's images from production's, REGISTRY/PATH,
// and its tag. It is empty for production's own.
func (r Request) Repository(production, tag string) (string, error) {
	t, err := r.Template()
	if err != nil {
		return "", err
	}
	host, path, _ := strings.Cut(production, "/")
	return replace(t.repository, map[string]string{
		holeRepository: production, holeRegistry: host, holePath: path, holeTag: cmp.Or(tag, "latest"),
	}), nil
}

// Shown is what [Request.Tag] gives, behind the repository where that is not production's, with
// the placeholders of its name.
func (r Request) Shown(production string) (string, error) {
	tag, err := r.Tag(production)
	if err != nil {
		return "", err
	}
	if t, _ := r.Template(); t.repository != "" {
		return t.repository + ":" + tag, nil
	}
	return tag, nil
}

// FileSuffix is what tells files of the preset from those of others: its suffix, or its name
// where it has a template. It is empty for what has neither, the production image.
func (r Request) FileSuffix() string {
	if r.Variant.Suffix == "" {
		return ""
	}
	if t, err := ParseTemplate(r.Variant.Suffix); err == nil {
		if suffix, ok := t.suffix(); ok {
			return suffix
		}
	}
	return "-" + r.Preset
}
