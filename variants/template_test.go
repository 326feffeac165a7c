package variants_test

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
)

// preset is remote under another name, with a template.
func preset(t *testing.T, template string) variants.Request {
	t.Helper()
	list, err := variants.Table(own("fast", "remote", template))
	if err != nil {
		t.Fatal(err)
	}
	return list[len(list)-1]
}

func TestTemplates(t *testing.T) {
	for template, want := range map[string]struct{ repository, tag, shown, written, file string }{
		"-dbg":                           {"", "v1-dbg", "v1-dbg", "-dbg", "-dbg"},
		"debug":                          {"", "v1debug", "v1debug", "debug", "debug"},
		"{tag}-dbg":                      {"", "v1-dbg", "v1-dbg", "-dbg", "-dbg"},
		"{repository}:{tag}-dbg":         {"", "v1-dbg", "v1-dbg", "-dbg", "-dbg"},
		"{registry}/{path}:{tag}-dbg":    {"", "v1-dbg", "v1-dbg", "-dbg", "-dbg"},
		"dbg-{tag}":                      {"", "dbg-v1", "dbg-v1", "dbg-{tag}", "-fast"},
		"{tag}-{variant}":                {"", "v1-fast", "v1-fast", "{tag}-{variant}", "-fast"},
		"{repository}:debug":             {"", "debug", "debug", "{repository}:debug", "-fast"},
		"{repository}-debug:{tag}":       {"reg.example:5000/team/app-debug", "v1", "{repository}-debug:v1", "{repository}-debug:{tag}", "-fast"},
		"{repository}/debug:{tag}-x":     {"reg.example:5000/team/app/debug", "v1-x", "{repository}/debug:v1-x", "{repository}/debug:{tag}-x", "-fast"},
		"{registry}/debug/{path}:{tag}":  {"reg.example:5000/debug/team/app", "v1", "{registry}/debug/{path}:v1", "{registry}/debug/{path}:{tag}", "-fast"},
		"dbg.example/{path}:{tag}":       {"dbg.example/team/app", "v1", "dbg.example/{path}:v1", "dbg.example/{path}:{tag}", "-fast"},
		"localhost:5000/{path}:{tag}":    {"localhost:5000/team/app", "v1", "localhost:5000/{path}:v1", "localhost:5000/{path}:{tag}", "-fast"},
		"{repository}-{variant}:{tag}":   {"reg.example:5000/team/app-fast", "v1", "{repository}-fast:v1", "{repository}-{variant}:{tag}", "-fast"},
		"{repository}-debug-{tag}:fixed": {"reg.example:5000/team/app-debug-v1", "fixed", "{repository}-debug-{tag}:fixed", "{repository}-debug-{tag}:fixed", "-fast"},
	} {
		r := preset(t, template)
		repository, err := r.Repository("reg.example:5000/team/app", "v1")
		if err != nil || repository != want.repository {
			t.Errorf("%s: the repository is %q, %v, want %q", template, repository, err, want.repository)
		}
		if tag, err := r.Tag("v1"); err != nil || tag != want.tag {
			t.Errorf("%s: the tag is %q, %v, want %q", template, tag, err, want.tag)
		}
		if shown, err := r.Shown("v1"); err != nil || shown != want.shown {
			t.Errorf("%s: shown as %q, %v, want %q", template, shown, err, want.shown)
		}
		if got := r.Variant.Suffix; got != want.written {
			t.Errorf("%s: kept as %q, want %q", template, got, want.written)
		}
		if got := r.FileSuffix(); got != want.file {
			t.Errorf("%s: files have %q, want %q", template, got, want.file)
		}
	}
}

func TestTemplatesThatCannotBe(t *testing.T) {
	for template, says := range map[string]string{
		"/x":                          "it may have letters, digits, dots, dashes and underscores only, or placeholders: {tag}-dbg, {repository}-debug:{tag}",
		"app:debug":                   "or placeholders",
		"{tga}-dbg":                   "unknown placeholder {tga}: did you mean {tag}? The placeholders are {tag}, {repository}, {registry}, {path}, {variant}",
		"{{.Tag}}-dbg":                "unknown placeholder {.Tag}: did you mean {tag}?",
		"{}-dbg":                      "unknown placeholder {}",
		"{tag-dbg":                    "a brace that begins or ends no placeholder",
		"tag}-dbg":                    "a brace that begins or ends no placeholder",
		"{tag}":                       "it gives production's own tag",
		"{repository}:{tag}":          "it gives production's own tag",
		"{registry}/{path}:{tag}":     "it gives production's own tag",
		"-{variant}":                  `a tag cannot begin with "-": did you mean {tag}-{variant}?`,
		"{repository}-debug":          "it names a repository and no tag: add one, such as {repository}-debug:{tag}",
		"{registry}:5000/app":         "it names a repository and no tag",
		"{repository}-debug:":         "it names a repository and no tag",
		"{repository}:{repository}":   "{repository} cannot stand in a tag",
		"{repository}:{tag}-{path}":   "{path} cannot stand in a tag",
		"debug/{path}:{tag}":          "it names no registry: begin it with {repository}, {registry}/ or the registry's host",
		"{path}-debug:{tag}":          "it names no registry",
		"{registry}-x/{path}:{tag}":   "it names no registry",
		"{repository}-debug@x:{tag}":  "letters, digits",
		"{tag} dbg":                   "letters, digits",
		"{repository}-debug:{tag}/x":  "it names a repository and no tag",
		"{repository}-debug:{tag}[1]": "letters, digits",
	} {
		for way, err := range map[string]error{
			"the table": func() error { _, err := variants.Table(own("fast", "remote", template)); return err }(),
			"the flag": func() error {
				_, err := variants.WithSuffixes(table(t), map[string]string{"remote": template})
				return err
			}(),
			"the frontend": variants.CheckSuffix(template),
		} {
			if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, by %s: got %v, want %q", template, way, err, says)
			}
		}
	}
}

func TestTemplatesThatAreTheSame(t *testing.T) {
	for _, same := range []map[string]string{
		{"remote": "{tag}-debug-src"},
		{"remote": "{repository}:{tag}-debug-src"},
		{"remote": "dbg-{tag}", "attach": "{repository}:dbg-{tag}"},
		{"remote": "{repository}-debug:{tag}", "attach": "{repository}-debug:{tag}"},
		{"remote": "-attach", "attach": "dbg-{tag}"}, // files
	} {
		if _, err := variants.WithSuffixes(table(t), same); err == nil || !strings.Contains(err.Error(), "have the same suffix") {
			t.Errorf("%v: got %v", same, err)
		}
	}
	got, err := variants.WithSuffixes(table(t), map[string]string{"remote": "{repository}-debug:{tag}-{variant}", "attach": "{repository}-debug:{tag}-{variant}"})
	if err != nil {
		t.Error(err)
	}
	for _, r := range got {
		if _, err := r.Complete(); err != nil {
			t.Error(err)
		}
	}
}

func TestATagIsTooLongForARegistry(t *testing.T) {
	long := strings.Repeat("x", 125)
	for template, says := range map[string]string{
		"dbg-{tag}":                                `of variant fast is longer than the 128 characters that registries take: shorten the production tag "` + long,
		"{repository}-debug:{tag}-abc":             "shorten the production tag",
		"{repository}:" + strings.Repeat("y", 129): "shorten its --tag-suffix",
	} {
		if _, err := preset(t, template).Tag(long); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", template, err, says)
		}
	}
}
