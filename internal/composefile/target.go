package composefile

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/dlvgen/dlvgen/internal/bakefile"
)

// Target is the service's build as buildx has it, nil where the service has none. Its paths
// are from the working folder.
func (s *Service) Target() *bakefile.Target {
	b := s.Build
	if b == nil {
		return nil
	}
	t := &bakefile.Target{
		Name: s.Name, Context: fromHere(b.Context), Dockerfile: fromHere(b.Dockerfile), DockerfileInline: b.DockerfileInline, Stage: b.Target,
		Args: map[string]string{}, Contexts: map[string]string{},
	}
	for name, value := range b.Args {
		if value != nil {
			t.Args[name] = *value
		}
	}
	for name, value := range b.AdditionalContexts {
		if service, ok := strings.CutPrefix(value, types.ServicePrefix); ok {
			value = "target:" + service
		}
		t.Contexts[name] = value
	}
	if s.Platform != "" {
		t.Platforms = []string{s.Platform}
	}
	for _, secret := range b.Secrets {
		from := s.project.Secrets[secret.Source]
		entry := bakefile.Entry{"type": "file", "id": secret.Source, "src": from.File}
		if from.Environment != "" {
			entry = bakefile.Entry{"type": "env", "id": secret.Source, "env": from.Environment}
		}
		t.Secrets = append(t.Secrets, entry)
	}
	return t
}

// fromHere is a path from the working folder, if it is below.
func fromHere(path string) string {
	wd, err := os.Getwd()
	if err != nil || !filepath.IsAbs(path) {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return path
	}
	return rel
}

// isFolder says that a build context is a folder of this machine.
func isFolder(context string) bool {
	info, err := os.Stat(context)
	return err == nil && info.IsDir()
}
