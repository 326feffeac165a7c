package bakefile

import (
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"
)

// service is what a compose file says of the tags of a service, before variables are put in.
type service struct {
	Image string
	Build yaml.Node
}

// build is the form of service.Build that has tags.
type build struct {
	Tags []string
	Bake struct {
		Tags yaml.Node
	} `yaml:"x-bake"`
}

// composeTags is an expression for the tags of a service, nil where the files do not tell
// in a simple way: in one place, with variables that HCL can read too.
func composeTags(files []File, name string) *expression {
	var tags []string
	for _, f := range files {
		var project struct{ Services map[string]service }
		if parsed(f) != nil || yaml.Unmarshal(f.Data, &project) != nil {
			continue
		}
		for key, s := range project.Services {
			if strings.ReplaceAll(key, ".", "_") != name {
				continue
			}
			var b build
			_ = s.Build.Decode(&b) // a folder has no tags
			if !b.Bake.Tags.IsZero() || len(b.Tags) > 0 && len(tags) > 0 {
				return nil
			}
			switch {
			case len(b.Tags) > 0:
				tags = b.Tags
			case s.Image != "":
				tags = []string{s.Image}
			}
		}
	}
	e := &expression{}
	var items []string
	for _, tag := range tags {
		item, variables, ok := interpolated(tag)
		if !ok {
			return nil
		}
		items, e.variables = append(items, item), append(e.variables, variables...)
	}
	e.text = "[" + strings.Join(items, ", ") + "]"
	return e
}

// variable is one of the forms that compose files have variables in: $NAME, ${NAME},
// ${NAME:-default}.
var variable = regexp.MustCompile(`\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::-([^${}]*))?\})`)

// interpolated is a text of a compose file in HCL, with the variables in it. It is not ok
// where a variable has another form.
func interpolated(text string) (hcl string, variables []string, ok bool) {
	var b strings.Builder
	rest := func(text string) { // without variables
		quoted := literal(cty.StringVal(text))
		b.WriteString(quoted[1 : len(quoted)-1])
		ok = ok && !strings.Contains(text, "$")
	}
	ok = true
	at := 0
	for _, m := range variable.FindAllStringSubmatchIndex(text, -1) {
		rest(text[at:m[0]])
		at = m[1]
		group := func(n int) string {
			if m[2*n] < 0 {
				return ""
			}
			return text[m[2*n]:m[2*n+1]]
		}
		name, instead := group(1)+group(2), group(3)
		variables = append(variables, name)
		if instead == "" {
			b.WriteString("${" + name + "}")
		} else {
			b.WriteString("${" + name + ` != "" ? ` + name + " : " + literal(cty.StringVal(instead)) + "}")
		}
	}
	rest(text[at:])
	return `"` + b.String() + `"`, variables, ok
}
