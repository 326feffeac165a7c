package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// Distribution is a version of CNCF Distribution's registry, which has no referrers API.
type Distribution int

// The versions.
const (
	// Distribution2 is Debian's docker-registry, of version 2.8. It deletes whole images only,
	// by their digests.
	Distribution2 Distribution = iota

	// Distribution3 is of the version that go.mod names.
	Distribution3
)

func (d Distribution) String() string {
	return map[Distribution]string{Distribution2: "Distribution 2.8", Distribution3: "Distribution 3"}[d]
}

// distributionConfig is that of a registry that keeps its images in a folder.
const distributionConfig = `version: 0.1
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: %t}
http: {addr: 127.0.0.1:0}
`

// DistributionOptions are what a test wants of such a registry.
type DistributionOptions struct {
	// Undeletable leaves its default, which is to delete nothing.
	Undeletable bool

	// Config is added to its configuration.
	Config string
}

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// Start starts the registry, with nothing in it, until the test ends. It returns its address,
// "127.0.0.1:43210".
func (d Distribution) Start(t testing.TB, options DistributionOptions) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf(distributionConfig, dir, !options.Undeletable) + options.Config
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	registry, err := startProcess(d.String(), exec.Command(d.program(t), d.args(config)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := registry.stop(); err != nil {
			t.Error(err)
		}
	})
	host := ""
	err = registry.waitReady(proctest.Context(t), func(context.Context) error {
		found := listening.FindStringSubmatch(registry.log.String())
		if found == nil {
			return errors.New("it does not listen")
		}
		host = found[1]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return host
}

func (d Distribution) program(t testing.TB) string {
	t.Helper()
	if d == Distribution2 {
		proctest.RequirePrograms(t, "docker-registry")
		return "docker-registry"
	}
	program, err := Program(proctest.Context(t), "distribution")
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func (d Distribution) args(config string) []string {
	if d == Distribution2 {
		return []string{"serve", config}
	}
	return []string{config}
}
