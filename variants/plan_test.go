package variants_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/variants"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

var update = flag.Bool("update", false, "write the golden files")

// production is the config of an image that sets everything that an image can set.
func production() *dockerspec.DockerOCIImage {
	return &dockerspec.DockerOCIImage{
		Image: ocispecs.Image{
			Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
			History: []ocispecs.History{
				{CreatedBy: "COPY /server /server"},
				{CreatedBy: "USER app", EmptyLayer: true},
			},
		},
		Config: dockerspec.DockerOCIImageConfig{
			ImageConfig: ocispecs.ImageConfig{
				User:         "app",
				ExposedPorts: map[string]struct{}{"12345/tcp": {}},
				Env:          []string{"PATH=/bin", "MODE=production"},
				Entrypoint:   []string{"/server"},
				Cmd:          []string{"--port", "12345"},
				Volumes:      map[string]struct{}{"/data": {}},
				WorkingDir:   "/home/app",
				Labels:       map[string]string{"org.opencontainers.image.title": "hello"},
				StopSignal:   "SIGINT",
			},
			DockerOCIImageConfigExt: dockerspec.DockerOCIImageConfigExt{
				Healthcheck: &dockerspec.HealthcheckConfig{Test: []string{"CMD", "/server", "-health"}, Interval: time.Second},
				OnBuild:     []string{"RUN true"},
				Shell:       []string{"/bin/bash", "-c"},
			},
		},
	}
}

func input(t *testing.T, variant string) variants.Input {
	t.Helper()
	v, err := variants.ByName(variant)
	if err != nil {
		t.Fatal(err)
	}
	return variants.Input{
		Request:  variants.Request{Variant: v, Start: variants.StartHold, Listen: variants.DefaultListen},
		Platform: "linux/amd64",
		Config:   production(),
		Program: variants.Program{
			Path: "/server", Args: []string{"--port", "12345"},
			GoVersion: "go1.26.8", ImportPath: "example.com/hello", Module: "example.com/hello", BuildID: "a/b/c/d",
		},
		Paths: []variants.PathRule{
			{Path: "/src", Kind: variants.PathModule, Module: "example.com/hello"},
			{Path: "/go/pkg/mod", Kind: variants.PathModCache},
		},
		Version: "v1.0.0",
	}
}

func plan(t *testing.T, in variants.Input) *variants.Plan {
	t.Helper()
	p, err := variants.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlansAreTheGoldens(t *testing.T) {
	for _, name := range variants.Names() {
		t.Run(name, func(t *testing.T) {
			got, err := plan(t, input(t, name)).JSON()
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("..", "testdata", "plans", name+".json")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the plan differs from %s (go test -update writes it):\n%s", golden, got)
			}
		})
	}
}

func TestEverythingButTheStartStaysProductions(t *testing.T) {
	got, want := plan(t, input(t, "remote")).Config.Config, production().Config
	got.Entrypoint, got.Cmd, got.ExposedPorts, got.Labels = nil, nil, nil, nil
	want.Entrypoint, want.Cmd, want.ExposedPorts, want.Labels = nil, nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the config is\n%+v, want\n%+v", got, want)
	}
}

func TestProductionsLabelsAndPortsStay(t *testing.T) {
	got := plan(t, input(t, "remote")).Config.Config
	if got.Labels["org.opencontainers.image.title"] != "hello" || got.Labels[variants.LabelVersion] != "v1.0.0" {
		t.Errorf("labels are %v", got.Labels)
	}
	for _, port := range []string{"12345/tcp", "8000/tcp"} {
		if _, ok := got.ExposedPorts[port]; !ok {
			t.Errorf("%s is not exposed", port)
		}
	}
}

func TestTheInputIsNotChanged(t *testing.T) {
	in := input(t, "remote")
	p := plan(t, in)
	p.Config.Config.Env[0] = "changed"
	p.Config.Config.Labels["changed"] = "yes"
	p.Config.Config.Healthcheck.Test[0] = "changed"
	p.Config.History[0].CreatedBy = "changed"
	if !reflect.DeepEqual(in.Config, production()) {
		t.Errorf("changing the plan changed production's config: %+v", in.Config)
	}
}

func TestMomentsAreFixed(t *testing.T) {
	epoch, base := time.Unix(1_700_000_000, 0).UTC(), time.Unix(1_600_000_000, 0).UTC()
	for _, tc := range []struct {
		name string
		edit func(*variants.Input)
		want time.Time
	}{
		{"scratch", func(*variants.Input) {}, time.Unix(0, 0)},
		{"base image", func(in *variants.Input) {
			in.Base = &dockerspec.DockerOCIImage{Image: ocispecs.Image{Created: &base}}
		}, base},
		{"SOURCE_DATE_EPOCH", func(in *variants.Input) {
			in.Base, in.Epoch = &dockerspec.DockerOCIImage{Image: ocispecs.Image{Created: &base}}, &epoch
		}, epoch},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t, "remote")
			tc.edit(&in)
			img := plan(t, in).Config
			if !img.Created.Equal(tc.want) {
				t.Errorf("created %v, want %v", img.Created, tc.want)
			}
			for _, h := range img.History {
				if !h.Created.Equal(tc.want) {
					t.Errorf("%q created %v, want %v", h.CreatedBy, h.Created, tc.want)
				}
			}
		})
	}
}

func TestCommands(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*variants.Input)
		want string
	}{
		{"hold", func(*variants.Input) {}, "/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient exec /server -- --port 12345"},
		{"continue", func(in *variants.Input) { in.Request.Start = variants.StartContinue },
			"/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient exec --continue /server -- --port 12345"},
		{"no arguments", func(in *variants.Input) { in.Program.Args = nil },
			"/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient exec /server"},
		{"loopback", func(in *variants.Input) { in.Request.Listen, in.Program.Args = "127.0.0.1:4000", nil },
			"/dlv --listen=127.0.0.1:4000 --headless=true --api-version=2 --accept-multiclient --only-same-user=false exec /server"},
		{"Go that Delve does not announce", func(in *variants.Input) { in.Program.GoVersion, in.Program.Args = "go1.21.13", nil },
			"/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient --check-go-version=false exec /server"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t, "remote")
			tc.edit(&in)
			if got := strings.Join(plan(t, in).Command, " "); got != tc.want {
				t.Errorf("the command is\n%s, want\n%s", got, tc.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*variants.Input)
		want string
	}{
		{"the app has the port", func(in *variants.Input) { in.Config.Config.ExposedPorts["8000/tcp"] = struct{}{} }, "--listen=:8001"},
		{"no debugger for the platform", func(in *variants.Input) { in.Platform, in.Config.Architecture = "linux/s390x", "s390x" },
			"the image is for linux/s390x, and dlvgen has a debugger for linux/amd64 and linux/arm64"},
		{"Go too old", func(in *variants.Input) { in.Program.GoVersion = "go1.15.2" }, "Delve 1.27.2 cannot debug programs of go1.15.2"},
		{"Go too new", func(in *variants.Input) { in.Program.GoVersion = "go1.99.1" }, "Delve 1.27.2 cannot debug programs of go1.99.1"},
		{"no port", func(in *variants.Input) { in.Request.Listen = "8000" }, "host:port"},
		{"port out of range", func(in *variants.Input) { in.Request.Listen = ":99999" }, "1 to 65535"},
		{"unknown start", func(in *variants.Input) { in.Request.Start = "later" }, `"hold" or "continue"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t, "remote")
			tc.edit(&in)
			_, err := variants.New(in)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	got, err := variants.Parse("remote-src, remote,remote")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range got {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"remote", "remote-src"}) {
		t.Errorf("parsed %v", names)
	}
	if _, err := variants.Parse("remot"); err == nil || !strings.Contains(err.Error(), `did you mean "remote"?`) {
		t.Errorf("the error is %v", err)
	}
}

func TestTags(t *testing.T) {
	src, err := variants.ByName("remote-src")
	if err != nil {
		t.Fatal(err)
	}
	for production, want := range map[string]string{"v1": "v1-debug-src", "": "latest-debug-src"} {
		if got, err := src.Tag(production); err != nil || got != want {
			t.Errorf("Tag(%q) = %q, %v, want %q", production, got, err, want)
		}
	}
	if _, err := src.Tag(strings.Repeat("x", 125)); err == nil {
		t.Error("a tag of more than 128 characters is accepted")
	}
}

func TestSuffixesOfTheUsersOwn(t *testing.T) {
	got, err := variants.WithSuffixes(variants.Known(), map[string]string{"remote": "-dbg"})
	if err != nil || got[0].Suffix != "-dbg" || got[1].Suffix != "-debug-src" {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, suffixes := range map[string]map[string]string{
		"unknown variant":      {"remot": "-dbg"},
		"none at all":          {"remote": ""},
		"no tag":               {"remote": "/dbg"},
		"another variant's":    {"remote": "-debug-src"},
		"the same for the two": {"remote": "-x", "remote-src": "-x"},
	} {
		if _, err := variants.WithSuffixes(variants.Known(), suffixes); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPlanJSONReadsBack(t *testing.T) {
	p := plan(t, input(t, "remote-src"))
	dt, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back variants.Plan
	if err := json.Unmarshal(dt, &back); err != nil {
		t.Fatal(err)
	}
	again, err := back.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, dt) {
		t.Errorf("the plan changed on the way:\n%s", again)
	}
}
