package eject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
)

// final is what the end of the file adds to production's image.
func (r *renderer) final() ([]byte, error) {
	lines := []string{"", fmt.Sprintf("# dlvgen: what variant %s has more than production: Delve %s and its settings, for %s.", r.Plan.Request.Preset, r.Plan.Delve, r.Plan.Platform)}
	if r.separate {
		links, err := r.linkStage()
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, links...), "FROM "+r.target.name+" AS "+prefix+"image")
	}
	for _, l := range r.Plan.Layers {
		for _, i := range l.Items {
			put, err := r.put(i)
			if err != nil {
				return nil, err
			}
			lines = append(lines, put...)
		}
		lines = append(lines, r.restored(l)...)
	}
	config, err := r.config()
	if err != nil {
		return nil, err
	}
	return []byte(strings.Join(append(lines, config...), "\n") + "\n"), nil
}

// restored gives production's folders their modes and owners again, which a copy changes of
// the folders in what is copied, and another one changes back.
func (r *renderer) restored(l variants.Layer) []string {
	copied := slices.ContainsFunc(l.Items, func(i variants.Item) bool { return i.From == variants.FromCaptures })
	if !copied || len(l.Folders) == 0 {
		return nil
	}
	lines := []string{"# dlvgen: production's folders as they were."}
	stage := r.own.foldersOf(l.Folders)
	for i, f := range l.Folders {
		to := words(r.file.escape, fmt.Sprintf("/%d/", i), strings.TrimSuffix(path.Dir(f.Path), "/")+"/")
		lines = append(lines, fmt.Sprintf("COPY --from=%s --chown=%d:%d --chmod=%o %s", stage, f.UID, f.GID, f.Mode, to))
	}
	return lines
}

// put puts an item of a layer into the image.
func (r *renderer) put(i variants.Item) ([]string, error) {
	flags := ""
	if i.UID > 0 || i.GID > 0 {
		flags += fmt.Sprintf(" --chown=%d:%d", i.UID, i.GID)
	}
	if i.Mode != variants.Kept {
		flags += fmt.Sprintf(" --chmod=%o", i.Mode)
	}
	switch {
	case i.From == variants.FromPlan:
		var text bytes.Buffer
		if err := json.Compact(&text, r.PlanJSON); err != nil {
			return nil, fmt.Errorf("writing the plan: %w", err)
		}
		return hereDocument(i.Path, i.Mode, text.Bytes()), nil
	case i.From == variants.FromTools:
		stage, from := r.own.toolsFor(r.Platform), tool(r.Platform, i.Name)
		if i.Capabilities != "" {
			stage, from = r.own.granted(i, r.Platform)
		}
		return []string{fmt.Sprintf("COPY --from=%s%s %s", stage, flags, words(r.file.escape, from, i.Path))}, nil
	case i.From == variants.FromProduction:
		return []string{fmt.Sprintf("COPY --from=%s %s", r.target.name, words(r.file.escape, i.Name, i.Path))}, nil
	case i.From == variants.FromCaptures:
		var lines []string
		for _, c := range r.Captures {
			stage, folders, err := r.sourcesOf(c)
			if err != nil {
				return nil, err
			}
			for _, folder := range folders {
				lines = append(lines, fmt.Sprintf("COPY --from=%s %s/ %s", stage, path.Join(folder, captureSources), i.Path))
			}
		}
		return lines, nil
	case i.From != "":
		return nil, fmt.Errorf("%s cannot be copied in a Dockerfile", i.From)
	case i.Target != "":
		return []string{fmt.Sprintf("COPY --from=%s %s", r.links, words(r.file.escape, path.Dir(i.Path)+"/", path.Dir(i.Path)+"/"))}, nil
	case i.Content != nil:
		return hereDocument(i.Path, i.Mode, i.Content), nil
	}
	if r.made[i.Path] {
		return nil, nil
	}
	r.made[i.Path] = true
	// A copy into a folder would give it, and those above it, the mode of the file.
	return r.own.item(i, r.Platform), nil
}

// linkStage makes the symbolic links of the plan, which no instruction but RUN makes: in
// a stage that compiles, which has a ln.
func (r *renderer) linkStage() ([]string, error) {
	var lines []string
	for _, l := range r.Plan.Layers {
		for _, i := range l.Items {
			if i.Target != "" {
				lines = append(lines, "WORKDIR "+unexpanded(path.Dir(i.Path), r.file.escape), fmt.Sprintf("RUN ln -s %s %s", shellQuoted(i.Target), shellQuoted(i.Path)))
			}
		}
	}
	if len(lines) == 0 {
		return nil, nil
	}
	for _, s := range r.file.stages {
		if s.name != "" && slices.ContainsFunc(s.instructions, func(in *instruction) bool { return in.step != nil }) {
			r.links = prefix + "links"
			return append([]string{"FROM " + s.name + " AS " + r.links, "USER 0:0"}, lines...), nil
		}
	}
	return nil, fmt.Errorf("the image needs a symbolic link to %s, and no stage compiles that could make it", r.Plan.Program.File)
}

// linked tells whether the plan has symbolic links.
func (r *renderer) linked() bool {
	return slices.ContainsFunc(r.Plan.Layers, func(l variants.Layer) bool {
		return slices.ContainsFunc(l.Items, func(i variants.Item) bool { return i.Target != "" })
	})
}

func shellQuoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// config is what differs in the image's configuration.
func (r *renderer) config() ([]string, error) {
	was, is := r.Production.Config, r.Plan.Config.Config
	var lines []string
	for _, port := range slices.Sorted(maps.Keys(is.ExposedPorts)) {
		if _, ok := was.ExposedPorts[port]; !ok {
			lines = append(lines, "EXPOSE "+port)
		}
	}
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(is.Labels)) {
		value := is.Labels[name]
		if old, ok := was.Labels[name]; ok && old == value {
			continue
		}
		if strings.Contains(value, "\n") {
			return nil, fmt.Errorf("the label %s has several lines, which a Dockerfile cannot write", name)
		}
		labels = append(labels, name+"="+quoted(value, r.file.escape))
	}
	if len(labels) > 0 {
		lines = append(lines, "LABEL "+strings.Join(labels, " "+r.file.escape+"\n      "))
	}
	if slices.Equal(was.Entrypoint, is.Entrypoint) && slices.Equal(was.Cmd, is.Cmd) {
		return lines, nil
	}
	for _, c := range []struct {
		name  string
		words []string
	}{{"ENTRYPOINT", is.Entrypoint}, {"CMD", is.Cmd}} {
		text, err := list(c.words)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", c.name, err)
		}
		lines = append(lines, c.name+" "+text)
	}
	return lines, nil
}
