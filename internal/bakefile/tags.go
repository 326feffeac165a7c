package bakefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// block is what HCL or JSON files say of a target, without evaluating them.
type block struct {
	inherits []string
}

// blocks are the targets of HCL and JSON files that stand there by their own names.
func blocks(files []File) map[string]*block {
	found := map[string]*block{}
	for _, f := range files {
		body := parsed(f)
		if body == nil {
			continue
		}
		content, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "target", LabelNames: []string{"name"}}}})
		for _, one := range content.Blocks {
			attrs, _, _ := one.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "matrix"}, {Name: "inherits"}}})
			if _, several := attrs.Attributes["matrix"]; several {
				continue
			}
			name := one.Labels[0]
			if found[name] == nil {
				found[name] = &block{}
			}
			if attr, ok := attrs.Attributes["inherits"]; ok {
				found[name].inherits = append(found[name].inherits, literals(attr.Expr)...)
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

// tagsOf is an expression for the tags of a target, as they are when buildx evaluates it:
// the first of the target and what it inherits from that has some.
func tagsOf(found map[string]*block, name string) string {
	chain := appendChain(nil, found, name)
	for i, one := range chain {
		if !hclsyntax.ValidIdentifier(one) {
			return ""
		}
		chain[i] = "target." + one + ".tags"
	}
	return fmt.Sprintf("coalesce(%s, [])", strings.Join(chain, ", "))
}

// appendChain adds a target and those that it inherits from, the strongest first.
func appendChain(chain []string, found map[string]*block, name string) []string {
	if slices.Contains(chain, name) {
		return chain
	}
	chain = append(chain, name)
	if b := found[name]; b != nil {
		for _, parent := range slices.Backward(b.inherits) {
			chain = appendChain(chain, found, parent)
		}
	}
	return chain
}
