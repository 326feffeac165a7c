package environ

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheLastEntryOfAVariableCounts(t *testing.T) {
	env := Environ{"A=1", "AB=2", "A=3"}
	if got := env.Get("A"); got != "3" {
		t.Errorf("A is %q", got)
	}
	if got := env.With("A", "4"); len(got) != 2 || got.Get("A") != "4" || env.Get("A") != "3" {
		t.Errorf("%q became %q", env, got)
	}
	if got := env.Without("A"); len(got) != 1 || got.Get("AB") != "2" {
		t.Errorf("%q became %q", env, got)
	}
}

func TestSettingsAreThoseOfTheGoCommand(t *testing.T) {
	home := t.TempDir()
	for file, text := range map[string]string{
		".config/go/env": "GOCACHE=/first\nGOCACHE=/home\nGOFLAGS=-v\r\n", "xdg/go/env": "GOCACHE=/xdg\n", "file": "GOCACHE=/file",
	} {
		path := filepath.Join(home, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		env             Environ
		goCache, goFlag string
	}{
		{Environ{"HOME=" + home}, "/home", "-v"},
		{Environ{"HOME=" + home, "GOCACHE=/own"}, "/own", "-v"},
		{Environ{"HOME=" + home}.Override("GOFLAGS", ""), "/home", " "}, // an empty one would be the file's
		{Environ{"HOME=" + home, "XDG_CONFIG_HOME=" + home + "/xdg"}, "/xdg", ""},
		{Environ{"HOME=" + home, "GOENV=" + home + "/file"}, "/file", ""},
		{Environ{"HOME=" + home, "GOENV=off"}, home + "/.cache/go-build", ""},
		{Environ{"HOME=" + home, "GOENV=off", "XDG_CACHE_HOME=/c"}, "/c/go-build", ""},
		{Environ{}, "", ""},
	} {
		if got := test.env.GoCache(); got != test.goCache {
			t.Errorf("%q: GOCACHE is %q, want %q", test.env, got, test.goCache)
		}
		if got := test.env.Setting("GOFLAGS"); got != test.goFlag {
			t.Errorf("%q: GOFLAGS is %q, want %q", test.env, got, test.goFlag)
		}
	}
}
