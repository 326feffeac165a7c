package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/kubernetes"
	"github.com/dlvgen/dlvgen/internal/ownfile"
	"github.com/spf13/cobra"
)

// manifestEndings are those of the files that kubectl reads of a folder.
var manifestEndings = []string{".yaml", ".yml", ".json"}

// readManifests reads files, folders and stdin.
func (s streams) readManifests(cmd *cobra.Command, args []string) (list []*kubernetes.Manifests, err error) {
	if len(args) == 0 {
		if terminalOf(s.in) != nil { // where nobody knows that something is waited for
			return nil, usagef(cmd, "no manifests: name files, folders, or - for stdin")
		}
		args = []string{"-"}
	}
	for _, arg := range args {
		names := []string{arg}
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			if names, err = manifestsIn(arg); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			m, err := s.readManifest(name)
			if err != nil {
				return nil, err
			}
			list = append(list, m)
		}
	}
	return list, nil
}

// manifestsIn are the files of a folder that kubectl would read.
func manifestsIn(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading manifests: %w", err)
	}
	for _, e := range entries {
		// A kustomization is no object.
		if !e.IsDir() && slices.Contains(manifestEndings, filepath.Ext(e.Name())) && !strings.HasPrefix(e.Name(), "kustomization.") {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no manifests: their names end in %s", dir, strings.Join(manifestEndings, ", "))
	}
	return names, nil
}

func (s streams) readManifest(name string) (*kubernetes.Manifests, error) {
	if name == "-" {
		return kubernetes.Read(s.in, "stdin")
	}
	file, err := os.Open(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no manifest at %s: name a file, a folder, or - for stdin", name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading manifests: %w", err)
	}
	defer file.Close()
	return kubernetes.Read(file, name)
}

// writeManifests writes what was asked for.
func (s streams) writeManifests(flags *kubeFlags, manifests []*kubernetes.Manifests, changed []*kubernetes.Workload) error {
	var text bytes.Buffer
	switch {
	case flags.component != "":
		return s.writeComponent(flags.component, changed)
	case flags.patch:
		if err := kubernetes.WritePatch(&text, changed...); err != nil {
			return err
		}
	default:
		for _, w := range changed {
			if err := w.Apply(); err != nil {
				return err
			}
		}
		for i, m := range manifests {
			if i > 0 {
				text.WriteString("---\n")
			}
			if err := m.Write(&text); err != nil {
				return err
			}
		}
	}
	return s.writeManifest(flags.output, text.Bytes())
}

// manifestHeader begins the files that the command writes.
const manifestHeader = "# Made by dlvgen kube, which replaces it.\n"

func manifestFile(path string) ownfile.File {
	own := func(text []byte) bool { return bytes.HasPrefix(text, []byte(manifestHeader)) }
	return ownfile.File{Path: path, What: "manifest", Command: "dlvgen kube", Own: own}
}

// writeManifest writes to a file, or to stdout for none.
func (s streams) writeManifest(path string, text []byte) error {
	if path == "" || path == "-" {
		_, err := io.Copy(s.out, bytes.NewReader(text))
		return err
	}
	if !json.Valid(text) { // which has no comments
		text = append([]byte(manifestHeader), text...)
	}
	changed, err := manifestFile(path).Write(text)
	if err == nil {
		s.tellWritten(changed, path)
	}
	return err
}

// writeComponent writes a kustomize component into a folder.
func (s streams) writeComponent(dir string, changed []*kubernetes.Workload) error {
	files, err := kubernetes.Component(changed...)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as other folders of a project
		return fmt.Errorf("writing the kustomize component: %w", err)
	}
	for name := range files { // none is written if one cannot be
		if err := manifestFile(filepath.Join(dir, name)).Replaceable(); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := s.writeManifest(filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}
