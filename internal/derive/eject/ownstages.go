package eject

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// toolsRoot is where a frontend image has the tree of tools.
const toolsRoot = "/tools"

// captureDir is where a step finds the folder for what it captures.
const captureDir = layout.Capture

// captureSources is the folder of the sources in that of a user.
const captureSources = layout.CaptureSources

// emptyFolder is the only folder of the stage dlvgen-empty.
const emptyFolder = "/folder"

// ownStages are the stages that stand ahead of the user's: the tools, and what is mounted
// into the steps.
type ownStages struct {
	image  string
	own    ocispecs.Platform
	tools  []string // stages of the tools
	stages []string // all others
	names  map[string]string
	used   map[string]int
	empty  bool
	escape string
}

func newOwnStages(in Input, escape string) *ownStages {
	return &ownStages{escape: escape, image: in.Tools, own: in.Platform, names: map[string]string{}, used: map[string]int{}}
}

// count is how many stages there are.
func (o *ownStages) count() int {
	n := 0
	for _, l := range o.text() {
		if strings.HasPrefix(l, "FROM ") {
			n++
		}
	}
	return n
}

// text are the lines of all stages.
func (o *ownStages) text() []string {
	lines := []string{
		"# dlvgen: the tools, and what the steps that compile are given. The comments that begin",
		"# with dlvgen mark all that was added to this Dockerfile.",
	}
	lines = append(lines, o.tools...)
	if o.empty {
		lines = append(lines, "FROM scratch AS "+prefix+"empty", "WORKDIR "+emptyFolder)
	}
	return append(append(lines, o.stages...), "# dlvgen: end.", "")
}

// toolsFor is the stage of a platform's tools.
func (o *ownStages) toolsFor(p ocispecs.Platform) string {
	key := "tools " + platforms.Format(p)
	if name, ok := o.names[key]; ok {
		return name
	}
	name, flag := prefix+"tools", ""
	if platforms.Format(p) != platforms.Format(o.own) {
		name, flag = name+"-"+p.Architecture, "--platform="+platforms.Format(p)+" "
	}
	o.names[key] = name
	o.tools = append(o.tools, fmt.Sprintf("FROM %s%s AS %s", flag, o.image, name))
	return name
}

// tool is the path of a tool in the stage of its platform.
func tool(p ocispecs.Platform, name string) string {
	return path.Join(toolsRoot, layout.Platform(p.OS, p.Architecture, p.Variant), name)
}

// named is a name for a stage that no other has.
func (o *ownStages) named(base string) string {
	base = prefix + strings.TrimPrefix(base, prefix)
	o.used[base]++
	if n := o.used[base]; n > 1 {
		return fmt.Sprintf("%s-%d", base, n)
	}
	return base
}

// of is the stage that has what a mount shows, and the path there.
func (o *ownStages) of(m llbgen.Mount, p ocispecs.Platform) (stage, source string) {
	first := m.Files[0]
	if first.Path == "" {
		return o.toolsFor(p), tool(p, first.Name)
	}
	key := cmp.Or(m.Name, first.Path) + " " + platforms.Format(p)
	if name, ok := o.names[key]; ok {
		return name, first.Path
	}
	lines := make([]string, 0, len(m.Files))
	for _, f := range m.Files {
		lines = append(lines, o.item(f, p)...)
	}
	name := o.named(path.Base(first.Path))
	o.names[key] = name
	o.stages = append(append(o.stages, "FROM scratch AS "+name), lines...)
	return name, first.Path
}

// item puts a tool, a text or a folder into a stage.
func (o *ownStages) item(i variants.Item, p ocispecs.Platform) []string {
	switch {
	case i.From == variants.FromTools:
		return []string{fmt.Sprintf("COPY --from=%s %s", o.toolsFor(p), words(o.escape, tool(p, i.Name), i.Path))}
	case i.Content != nil:
		return hereDocument(i.Path, i.Mode, i.Content)
	}
	o.empty = true
	return []string{fmt.Sprintf("COPY --from=%sempty --chmod=%o %s", prefix, i.Mode, words(o.escape, emptyFolder, i.Path))}
}

// granted is a stage that has a tool with capabilities, which the tools' own init gives to
// it: no instruction but RUN does.
func (o *ownStages) granted(i variants.Item, p ocispecs.Platform) (stage, file string) {
	const from, to = "/from", "/granted"
	base := path.Base(i.Name)
	file = path.Join(to, base)
	key := "granted " + i.Name + " " + i.Capabilities
	if name, ok := o.names[key]; ok {
		return name, file
	}
	tools := o.toolsFor(p)
	command, _ := json.Marshal([]string{"/init", layout.GrantWord, i.Capabilities, path.Join(from, base), file}) // strings
	name := o.named("granted")
	o.names[key] = name
	o.stages = append(o.stages,
		"FROM scratch AS "+name,
		fmt.Sprintf("COPY --from=%s %s /init", tools, tool(p, layout.ToolInit)),
		"WORKDIR "+to,
		fmt.Sprintf("RUN --network=none --mount=type=bind,from=%s,source=%s,target=%s %s", tools, path.Dir(tool(p, i.Name)), from, command))
	return name, file
}

// foldersOf is a stage that has each of production's folders, empty, in a folder of its
// number.
func (o *ownStages) foldersOf(folders []variants.Folder) string {
	name := o.named("folders")
	o.stages = append(o.stages, "FROM scratch AS "+name)
	for i, f := range folders {
		o.stages = append(o.stages, "WORKDIR "+unexpanded(path.Join("/", strconv.Itoa(i), path.Base(f.Path)), o.escape))
	}
	return name
}

// hereDocument copies a text. Without a newline at its end it gets one.
func hereDocument(to string, mode int, content []byte) []string {
	mark := "EOF"
	for strings.Contains("\n"+string(content)+"\n", "\n"+mark+"\n") {
		mark += "F"
	}
	lines := []string{fmt.Sprintf("COPY --chmod=%o <<%q %s", mode, mark, to)}
	if text := strings.TrimSuffix(string(content), "\n"); text != "" {
		lines = append(lines, strings.Split(text, "\n")...)
	}
	return append(lines, mark)
}

// plain is a word that stands in an instruction as it is.
var plain = regexp.MustCompile(`^[\w./+@:-]+$`)

// words are the paths of a COPY instruction from another stage: as they are, or in JSON, which
// takes any name. Variables are expanded in both, and patterns in the sources.
func words(escape string, from ...string) string {
	if !slices.ContainsFunc(from, func(word string) bool { return !plain.MatchString(word) }) {
		return strings.Join(from, " ")
	}
	from = slices.Clone(from)
	for i, word := range from {
		if i < len(from)-1 {
			word = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]", `\`, `[\\]`).Replace(word)
		}
		from[i] = unexpanded(word, escape)
	}
	text, _ := list(from) // strings
	return text
}

// unexpanded takes their meaning from the characters that an instruction with variables expands.
func unexpanded(word, escape string) string {
	return strings.NewReplacer(escape, escape+escape, "$", escape+"$", `"`, escape+`"`, "'", escape+"'").Replace(word)
}

// quoted is a value of ENV or LABEL.
func quoted(value, escape string) string {
	return `"` + strings.NewReplacer(`"`, escape+`"`, `$`, escape+`$`, escape, escape+escape).Replace(value) + `"`
}

// list is the exec form of a command.
func list(words []string) (string, error) {
	if words == nil {
		words = []string{}
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(words)
	return strings.TrimSpace(b.String()), err
}
