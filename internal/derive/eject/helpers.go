package eject

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
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

// helpers are the stages that stand ahead of the user's: the tools, and what is mounted
// into the steps.
type helpers struct {
	image  string
	own    ocispecs.Platform
	tools  []string // stages of the tools
	stages []string // all others
	names  map[string]string
	used   map[string]int
	empty  bool
}

func newHelpers(in Input) *helpers {
	return &helpers{image: in.Tools, own: in.Platform, names: map[string]string{}, used: map[string]int{}}
}

// count is how many stages there are.
func (h *helpers) count() int {
	n := 0
	for _, l := range h.text() {
		if strings.HasPrefix(l, "FROM ") {
			n++
		}
	}
	return n
}

// text are the lines of all stages.
func (h *helpers) text() []string {
	lines := []string{
		"# dlvgen: the tools, and what the steps that compile are given. The comments that begin",
		"# with dlvgen mark all that was added to this Dockerfile.",
	}
	lines = append(lines, h.tools...)
	if h.empty {
		lines = append(lines, "FROM scratch AS "+prefix+"empty", "WORKDIR "+emptyFolder)
	}
	return append(append(lines, h.stages...), "# dlvgen: end.", "")
}

// toolsFor is the stage of a platform's tools.
func (h *helpers) toolsFor(p ocispecs.Platform) string {
	key := "tools " + platforms.Format(p)
	if name, ok := h.names[key]; ok {
		return name
	}
	name, flag := prefix+"tools", ""
	if platforms.Format(p) != platforms.Format(h.own) {
		name, flag = name+"-"+p.Architecture, "--platform="+platforms.Format(p)+" "
	}
	h.names[key] = name
	h.tools = append(h.tools, fmt.Sprintf("FROM %s%s AS %s", flag, h.image, name))
	return name
}

// tool is the path of a tool in the stage of its platform.
func tool(p ocispecs.Platform, name string) string {
	return path.Join(toolsRoot, layout.Platform(p.OS, p.Architecture, p.Variant), name)
}

// named is a name for a stage that no other has.
func (h *helpers) named(base string) string {
	base = prefix + strings.TrimPrefix(base, prefix)
	h.used[base]++
	if n := h.used[base]; n > 1 {
		return fmt.Sprintf("%s-%d", base, n)
	}
	return base
}

// of is the stage that has what a mount shows, and the path there.
func (h *helpers) of(m llbgen.Mount, p ocispecs.Platform) (stage, source string) {
	first := m.Files[0]
	if first.Path == "" {
		return h.toolsFor(p), tool(p, first.Name)
	}
	key := cmp.Or(m.Name, first.Path) + " " + platforms.Format(p)
	if name, ok := h.names[key]; ok {
		return name, first.Path
	}
	lines := make([]string, 0, len(m.Files))
	for _, f := range m.Files {
		lines = append(lines, h.item(f, p)...)
	}
	name := h.named(path.Base(first.Path))
	h.names[key] = name
	h.stages = append(append(h.stages, "FROM scratch AS "+name), lines...)
	return name, first.Path
}

// item puts a tool, a text or a folder into a stage.
func (h *helpers) item(i variants.Item, p ocispecs.Platform) []string {
	switch {
	case i.From == variants.FromTools:
		return []string{fmt.Sprintf("COPY --from=%s %s %s", h.toolsFor(p), tool(p, i.Name), i.Path)}
	case i.Content != nil:
		return hereDocument(i.Path, i.Mode, i.Content)
	}
	h.empty = true
	return []string{fmt.Sprintf("COPY --from=%sempty --chmod=%o %s %s", prefix, i.Mode, emptyFolder, i.Path)}
}

// granted is a stage that has a tool with capabilities, which the tools' own init gives to
// it: no instruction but RUN does.
func (h *helpers) granted(i variants.Item, p ocispecs.Platform) (stage, file string) {
	const from, to = "/from", "/granted"
	base := path.Base(i.Name)
	file = path.Join(to, base)
	key := "granted " + i.Name + " " + i.Capabilities
	if name, ok := h.names[key]; ok {
		return name, file
	}
	tools := h.toolsFor(p)
	command, _ := json.Marshal([]string{"/init", layout.GrantWord, i.Capabilities, path.Join(from, base), file}) // strings
	name := h.named("granted")
	h.names[key] = name
	h.stages = append(h.stages,
		"FROM scratch AS "+name,
		fmt.Sprintf("COPY --from=%s %s /init", tools, tool(p, layout.ToolInit)),
		"WORKDIR "+to,
		fmt.Sprintf("RUN --network=none --mount=type=bind,from=%s,source=%s,target=%s %s", tools, path.Dir(tool(p, i.Name)), from, command))
	return name, file
}

// foldersOf is a stage that has each of production's folders, empty, in a folder of its
// number.
func (h *helpers) foldersOf(folders []variants.Folder) string {
	name := h.named("folders")
	h.stages = append(h.stages, "FROM scratch AS "+name)
	for i, f := range folders {
		h.stages = append(h.stages, "WORKDIR "+path.Join("/", strconv.Itoa(i), path.Base(f.Path)))
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
