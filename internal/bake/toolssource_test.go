package bake

import (
	"errors"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/docker/cli/cli/config/configfile"
)

func TestToolsAreDlvgensOwnOrThoseOfTheFrontendImageOfItsVersion(t *testing.T) {
	set := &tools.Set{Digest: "0123"}
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		asked, version string
		embedded       error
		image, err     string
	}{
		"carried":                {version: "v1.2.3"},
		"carried by no release":  {version: "devel"},
		"installed":              {version: "v1.2.3", embedded: tools.ErrNone, image: "dlvgen/dlvgen:1.2.3"},
		"installed, no release":  {version: "devel", embedded: tools.ErrNone, err: "--frontend-image"},
		"asked for":              {asked: "reg.example/dlvgen:1", version: "v1.2.3", image: "reg.example/dlvgen:1"},
		"asked for, none of own": {asked: "reg.example/dlvgen:1", version: "devel", embedded: tools.ErrNone, image: "reg.example/dlvgen:1"},
		"broken":                 {version: "v1.2.3", embedded: broken, err: "broken"},
	} {
		embedded := func() (*tools.Set, error) {
			if test.embedded != nil {
				return nil, test.embedded
			}
			return set, nil
		}
		box, err := newToolbox(test.asked, embedded, test.version, func(string) {})
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: the error is %v, want %q", name, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if box.image != test.image || (box.set != nil) != (test.image == "") {
			t.Errorf("%s: from the image %q, carried %v, want the image %q", name, box.image, box.set != nil, test.image)
		}
	}
}

func TestTheFrontendImageIsThatOfTheFlagElseOfTheEnvironment(t *testing.T) {
	env := Environment{
		Lookup: func(name string) (string, bool) { return "reg.example/env:1", name == "DLVGEN_FRONTEND_IMAGE" },
		Docker: configfile.New(""),
	}
	for flag, want := range map[string]string{"": "reg.example/env:1", "reg.example/flag:1": "reg.example/flag:1"} {
		r, err := NewRequest(Options{Context: ".", Progress: buildkit.ProgressModes()[0], Variants: asked(t, "remote"), FrontendImage: flag}, env)
		if err != nil {
			t.Fatal(err)
		}
		if r.frontendImage != want {
			t.Errorf("with --frontend-image=%s it is %s, want %s", flag, r.frontendImage, want)
		}
	}
}
