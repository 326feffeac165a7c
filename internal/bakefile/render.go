package bakefile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Debug is what is written of debug variants.
type Debug struct {
	// Group is the name of the group of production and all variants, and stands in the
	// names of the others.
	Group string

	// Syntax is the frontend image.
	Syntax string

	// Command is the command line that wrote the file, File the path that it has.
	Command, File string

	Derived []Derived

	variables map[string]bool // of the user's files
}

// Derived is a target with its debug variants.
type Derived struct {
	*Target
	Variants []variants.Request
}

// group is the name of the group of the target's variants.
func (d Debug) group(t *Target) string { return t.Name + "-" + d.Group }

// name is that of the target of one variant.
func (d Debug) name(t *Target, v variants.Request) string {
	return d.group(t) + "-" + strings.ReplaceAll(v.Preset, ".", "_")
}

const header = mark + ` To make them again after a change of the targets:
#
#     %s
#
# To build production and its debug variants:
#
#     docker buildx bake %s
%s%s
group %s {
  targets = %s
}
`

// suffixFunction gives the tags of variants that have suffixes, templateFunctions those of
// variants of which one has a template.
const (
	suffixFunction = `
# The debug tag beside a production tag.
function "dlvgen_tag" {
  params = [tag, suffix]
  result = can(regex(":[^/]+$", tag)) ? "${tag}${suffix}" : "${tag}:latest${suffix}"
}
`
	templateFunctions = `
# The registry of a production reference.
function "dlvgen_registry" {
  params = [ref]
  result = can(regex("^([^/]*[.:][^/]*|localhost)/", ref)) ? regex("^[^/]+", ref) : "docker.io"
}

# Its path there, without the tag.
function "dlvgen_path" {
  params = [ref]
  result = regex_replace(regex_replace(regex_replace(ref, "^([^/]*[.:][^/]*|localhost)/", ""), ":[^:/]+$", ""),
    can(regex("^(docker.io/)?[^/]+$", ref)) ? "^" : "$^", "library/")
}

# The debug reference beside a production reference.
function "dlvgen_tag" {
  params = [ref, template]
  result = replace(replace(replace(replace(template,
    "{repository}", "${dlvgen_registry(ref)}/${dlvgen_path(ref)}"),
    "{registry}", dlvgen_registry(ref)),
    "{path}", dlvgen_path(ref)),
    "{tag}", can(regex(":[^/]+$", ref)) ? regex("[^:]+$", ref) : "latest")
}
`
)

// syntaxVariable declares the frontend image.
const syntaxVariable = `
# The frontend image that builds the debug variants.
variable "DLVGEN_SYNTAX" {
  default = %s
}
`

// composeVariable declares a variable of compose files, which has no default there.
const composeVariable = `
# From the compose file.
variable %s {
  default = ""
}
`

// render is the text of the file. tags are expressions for the production tags, by target.
func (b *Bake) render(d Debug, tags map[string]expression) []byte {
	members := slices.Clone(b.Asked)
	for _, one := range d.Derived {
		members = append(members, d.group(one.Target))
	}
	var text strings.Builder
	image := ""
	if !d.variables["DLVGEN_SYNTAX"] { // or the user's would have our value
		image = fmt.Sprintf(syntaxVariable, literal(cty.StringVal(d.Syntax)))
	}
	function := suffixFunction
	if d.hasTemplate() {
		function = templateFunctions
	}
	fmt.Fprintf(&text, header, d.Command, strings.Join(b.usage(d), " "), image, function, literal(cty.StringVal(d.Group)), list(members))
	var declared []string
	for _, one := range d.Derived {
		declared = append(declared, tags[one.Name].variables...)
	}
	slices.Sort(declared)
	for _, name := range slices.Compact(declared) {
		if !d.variables[name] {
			fmt.Fprintf(&text, composeVariable, literal(cty.StringVal(name)))
		}
	}
	for _, one := range d.Derived {
		d.renderTarget(&text, one, tags[one.Name].text)
	}
	return hclwrite.Format([]byte(text.String()))
}

func (d Debug) renderTarget(text *strings.Builder, one Derived, tags string) {
	fmt.Fprintf(text, "\ntarget %s {\n", literal(cty.StringVal(d.group(one.Target))))
	fmt.Fprintf(text, "name = %s\n", filled(d.group(one.Target)+"-"+nameHole))
	fmt.Fprintf(text, "inherits = %s\n", list([]string{one.Name}))
	text.WriteString("matrix = {\nvariant = [\n")
	for _, v := range one.Variants {
		name := strings.TrimPrefix(d.name(one.Target, v), d.group(one.Target)+"-")
		template := ""
		if d.hasTemplate() {
			template = "template = " + literal(cty.StringVal(whole(v))) + ", "
		}
		fmt.Fprintf(text, "{ name = %s, suffix = %s, %sargs = %s },\n", literal(cty.StringVal(name)), literal(cty.StringVal(v.FileSuffix())), template, object(Args(v)))
	}
	text.WriteString("]\n}\n")
	text.WriteString("args = merge({ BUILDKIT_SYNTAX = DLVGEN_SYNTAX }, variant.args)\n")
	from := "suffix"
	if d.hasTemplate() {
		from = "template"
	}
	fmt.Fprintf(text, "tags = [for tag in %s : dlvgen_tag(tag, variant.%s) if tag != \"\"]\n", tags, from)
	text.WriteString("# Not production's:\n")
	fmt.Fprintf(text, "output = %s\n", list(one.outputs()))
	fmt.Fprintf(text, "cache-to = %s\n}\n", list(one.caches()))
}

// hasTemplate says that a variant's tags are more than a suffix behind production's.
func (d Debug) hasTemplate() bool {
	return slices.ContainsFunc(d.Derived, func(one Derived) bool {
		return slices.ContainsFunc(one.Variants, func(v variants.Request) bool { return whole(v) != "{repository}:{tag}"+v.FileSuffix() })
	})
}

// whole is a variant's template, with a repository.
func whole(v variants.Request) string {
	t, err := v.Template()
	if err != nil {
		return "" // which Target.DebugTags tells
	}
	return t.Whole()
}

// Args are the build args of a variant, without BUILDKIT_SYNTAX.
func Args(v variants.Request) map[string]string {
	args := map[string]string{}
	for name, value := range frontend.Attrs(v) {
		args[strings.TrimPrefix(name, "build-arg:")] = value
	}
	return args
}

// usage are the arguments for building production and all variants.
func (b *Bake) usage(d Debug) []string {
	var words []string
	for _, f := range b.Files {
		words = append(words, "-f", quoted(f.Name))
	}
	return append(words, "-f", quoted(d.File), "--push", quoted(d.Group))
}

// literal is a value in HCL.
func literal(value cty.Value) string { return string(hclwrite.TokensForValue(value).Bytes()) }

// filled is a text in HCL, with the variant's where there are holes.
func filled(text string) string {
	return strings.NewReplacer(nameHole, "${variant.name}", suffixHole, "${variant.suffix}").Replace(literal(cty.StringVal(text)))
}

// list is a list of texts in HCL, on one line.
func list(texts []string) string {
	var items []string
	for _, text := range texts {
		items = append(items, filled(text))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// object is an object of texts in HCL, on one line.
func object(texts map[string]string) string {
	var items []string
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		items = append(items, name+" = "+literal(cty.StringVal(texts[name])))
	}
	return "{ " + strings.Join(items, ", ") + " }"
}
