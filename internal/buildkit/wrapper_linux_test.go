package buildkit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAnOrdinaryUsersChildIsStartedByRootlesskit(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	c := &Child{dir: t.TempDir(), besides: t.TempDir()}
	if wrapper, err := c.wrapper(0); err != nil || wrapper != nil {
		t.Errorf("root's is started by %q, %v", wrapper, err)
	}
	for _, name := range []string{"rootlesskit", "newgidmap"} {
		if err := os.WriteFile(filepath.Join(c.besides, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, elsewhere := c.find("newuidmap")
	if _, err := c.wrapper(1000); elsewhere != nil && (err == nil || !strings.Contains(err.Error(), "needs newuidmap, which") || !strings.Contains(err.Error(), "--addr")) {
		t.Errorf("without newuidmap: got %v", err)
	}
	if err := os.WriteFile(filepath.Join(c.besides, "newuidmap"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	wrapper, err := c.wrapper(1000)
	if want := []string{filepath.Join(c.besides, "rootlesskit")}; err != nil || !slices.Equal(wrapper, want) {
		t.Errorf("got %q, %v, want %q", wrapper, err, want)
	}
	config, digest, err := c.config("runc", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"rootless = true", "binary = 'runc'", "socketPath = '" + c.dir} {
		if !strings.Contains(string(config), text) {
			t.Errorf("the configuration lacks %q:\n%s", text, config)
		}
	}
	if _, root, err := c.config("runc", false); err != nil || root == digest {
		t.Errorf("root's child has the same configuration, %v", err)
	}
}
