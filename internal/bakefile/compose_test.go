package bakefile

import (
	"slices"
	"strings"
	"testing"
)

func TestTagsOfComposeFiles(t *testing.T) {
	for name, c := range map[string]struct {
		services, want string // of the tags of app_web, "" where they are not simple
		variables      []string
	}{
		"none":           {"app.web: {build: .}", `[]`, nil},
		"plain":          {"app.web: {build: ., image: 'app:v1'}", `["app:v1"]`, nil},
		"of the build":   {"app.web: {build: {tags: [a, b]}, image: c}", `["a", "b"]`, nil},
		"variables":      {"app.web: {build: ., image: '$A/app:${B}'}", `["${A}/app:${B}"]`, []string{"A", "B"}},
		"a default":      {"app.web: {build: ., image: 'app:${B:-v1.0}'}", `["app:${B != "" ? B : "v1.0"}"]`, []string{"B"}},
		"the last image": {"app.web: {image: a}\n---\nservices:\n  app.web: {build: ., image: b}", `["b"]`, nil},
		"another's":      {"other: {image: a}", `[]`, nil},
		"unset only":     {"app.web: {image: 'app:${B-v1}'}", "", nil},
		"required":       {"app.web: {image: 'app:${B:?}'}", "", nil},
		"nested":         {"app.web: {image: 'app:${B:-${C}}'}", "", nil},
		"a dollar":       {"app.web: {image: 'app:$$B'}", "", nil},
		"x-bake":         {"app.web: {build: {x-bake: {tags: a}}, image: b}", "", nil},
		"tags twice":     {"app.web: {build: {tags: [a]}}\n---\nservices:\n  app.web: {build: {tags: [b]}}", "", nil},
	} {
		var files []File
		for _, text := range strings.Split("services:\n  "+c.services, "\n---\n") {
			files = append(files, File{Name: "compose.yaml", Data: []byte(text)})
		}
		got := composeTags(files, "app_web")
		switch {
		case got == nil && c.want == "":
		case got == nil || got.text != c.want || !slices.Equal(got.variables, c.variables):
			t.Errorf("%s: got %+v, want %s with %q", name, got, c.want, c.variables)
		}
	}
}
