package bakefile

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tonistiigi/go-csvvalue"
)

// Definition is what buildx makes of bake files.
type Definition struct {
	Groups  map[string]*Group  `json:"group"`
	Targets map[string]*Target `json:"target"`
}

// Group is a list of targets and groups.
type Group struct {
	Targets []string `json:"targets"`
}

// Target is a target with what it inherits.
type Target struct {
	Name             string            `json:"-"`
	Context          string            `json:"context"`
	Contexts         map[string]string `json:"contexts"`
	Dockerfile       string            `json:"dockerfile"`
	DockerfileInline string            `json:"dockerfile-inline"`
	Args             map[string]string `json:"args"`
	Tags             []string          `json:"tags"`
	Stage            string            `json:"target"`
	Platforms        []string          `json:"platforms"`
	Outputs          []Entry           `json:"output"`
	CacheTo          []Entry           `json:"cache-to"`
	Secrets          []Entry           `json:"secret"`
	Call             string            `json:"call"`
}

// unescape takes back what buildx escapes where it prints (Target.MarshalJSON in
// bake/bake.go of v0.38.2).
func (t *Target) unescape() {
	plain := strings.NewReplacer("$${", "${", "%%{", "%{").Replace
	t.DockerfileInline = plain(t.DockerfileInline)
	for name, value := range t.Args {
		t.Args[name] = plain(value)
	}
}

// NoImage says why the target makes no image, or none beside which there can be others, ""
// where it does.
func (t *Target) NoImage() string {
	switch nothing := func(e Entry) bool { return e["type"] == "cacheonly" }; {
	case t.Call != "" && t.Call != "build":
		return fmt.Sprintf("it builds nothing, with call = %q", t.Call)
	case len(t.Outputs) > 0 && !slices.ContainsFunc(t.Outputs, func(e Entry) bool { return !nothing(e) }):
		return "its result stays in the build cache, with the output type=cacheonly"
	case slices.ContainsFunc(t.Outputs, func(e Entry) bool { return e["dest"] == "-" }):
		return "its output goes to stdout, which takes one image only: write production's to a file"
	}
	return ""
}

// Linked is the name of a named context that is another target, "" where there is none.
func (t *Target) Linked() string {
	for _, name := range slices.Sorted(maps.Keys(t.Contexts)) {
		if strings.HasPrefix(t.Contexts[name], "target:") {
			return name
		}
	}
	return ""
}

// leaves are the targets that a group stands for.
func (d *Definition) leaves(name string, seen map[string]bool) []string {
	group, ok := d.Groups[name]
	if !ok || seen[name] {
		return []string{name}
	}
	seen[name] = true
	var names []string
	for _, member := range group.Targets {
		names = append(names, d.leaves(member, seen)...)
	}
	return names
}

// Entry is an output, a cache or a secret: "type=registry,ref=app:cache".
type Entry map[string]string

// UnmarshalJSON reads the object that buildx prints, or the text of buildx before v0.19.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return json.Unmarshal(data, (*map[string]string)(e))
	}
	fields, err := csvvalue.Fields(text, nil)
	if err != nil {
		return fmt.Errorf("reading %q: %w", text, err)
	}
	*e = Entry{}
	for _, field := range fields {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			name, value = "dest", field
		}
		(*e)[name] = value
	}
	return nil
}

// String is the entry as bake files and flags have it, its type first.
func (e Entry) String() string {
	names := slices.SortedFunc(maps.Keys(e), func(a, b string) int {
		return strings.Compare(strings.TrimPrefix(a, "type"), strings.TrimPrefix(b, "type"))
	})
	fields := make([]string, len(names))
	for i, name := range names {
		fields[i] = name + "=" + e[name]
	}
	var text strings.Builder
	w := csv.NewWriter(&text)
	_ = w.Write(fields) // to memory
	w.Flush()
	return strings.TrimSpace(text.String())
}
