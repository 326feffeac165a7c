package bakefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// block is what HCL or JSON files say of a target, without evaluating them.
type block struct {
	inherits []string
}

// expression gives the production tags of a target.
type expression struct {
	text      string   // in HCL
	variables []string // that it needs, beside those of the files
	fixed     bool     // it is what the tags are now
}

// sources are the targets of HCL and JSON files that stand there by their own names, and
// the variables.
type sources struct {
	targets   map[string]*block
	variables map[string]bool
}

func sourcesOf(files []File) sources {
	found := sources{targets: map[string]*block{}, variables: map[string]bool{}}
	for _, f := range files {
		body := parsed(f)
		if body == nil {
			continue
		}
		content, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
			{Type: "target", LabelNames: []string{"name"}}, {Type: "variable", LabelNames: []string{"name"}},
		}})
		for _, one := range content.Blocks {
			name := one.Labels[0]
			if one.Type == "variable" {
				found.variables[name] = true
				continue
			}
			attrs, _, _ := one.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "matrix"}, {Name: "inherits"}}})
			if _, several := attrs.Attributes["matrix"]; several {
				continue
			}
			if found.targets[name] == nil {
				found.targets[name] = &block{}
			}
			if attr, ok := attrs.Attributes["inherits"]; ok {
				found.targets[name].inherits = append(found.targets[name].inherits, literals(attr.Expr)...)
			}
		}
	}
	return found
}

// parsed is the body of a file, nil where it is a compose file: buildx has read it before.
func parsed(f File) hcl.Body {
	if strings.HasSuffix(f.Name, ".yaml") || strings.HasSuffix(f.Name, ".yml") {
		return nil
	}
	if !strings.HasSuffix(f.Name, ".json") {
		if file, diags := hclparse.NewParser().ParseHCL(f.Data, f.Name); !diags.HasErrors() {
			return file.Body
		}
	}
	file, diags := hclparse.NewParser().ParseJSON(f.Data, f.Name)
	if diags.HasErrors() {
		return nil
	}
	return file.Body
}

// literals are the words of a list that needs no variables.
func literals(list hcl.Expression) []string {
	value, diags := list.Value(nil)
	if diags.HasErrors() || !value.CanIterateElements() {
		return nil
	}
	var words []string
	for _, v := range value.AsValueSlice() {
		if v.Type().FriendlyName() == "string" && v.IsKnown() && !v.IsNull() {
			words = append(words, v.AsString())
		}
	}
	return words
}

// expressions are those that may give the tags of a target, the best first: those that
// follow production's, then what the tags are now.
func (s sources) expressions(files []File, t *Target) []expression {
	var list []expression
	chain := s.appendChain(nil, t.Name)
	add := func(names []string) {
		if !slices.ContainsFunc(names, func(name string) bool { return !hclsyntax.ValidIdentifier(name) }) {
			list = append(list, expression{text: fmt.Sprintf("coalesce(target.%s.tags, [])", strings.Join(names, ".tags, target."))})
		}
	}
	composed := composeTags(files, t.Name)
	if s.targets[t.Name] == nil && composed != nil {
		list = append(list, *composed)
	}
	add(chain)
	if len(chain) > 1 {
		add(chain[:1])
	}
	if s.targets[t.Name] != nil && composed != nil {
		list = append(list, *composed)
	}
	return append(list, expression{text: fixedTags(t), fixed: true})
}

// fixedTags are the references of a target as they are now.
func fixedTags(t *Target) string {
	var items []string
	for _, ref := range t.references() {
		items = append(items, literal(cty.StringVal(ref)))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// appendChain adds a target and those that it inherits from, the strongest first.
func (s sources) appendChain(chain []string, name string) []string {
	if slices.Contains(chain, name) {
		return chain
	}
	chain = append(chain, name)
	if b := s.targets[name]; b != nil {
		for _, parent := range slices.Backward(b.inherits) {
			chain = s.appendChain(chain, parent)
		}
	}
	return chain
}
