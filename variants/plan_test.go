package variants_test

import (
	"bytes"
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
	in := variants.Input{
		Request:  variants.NewRequest(v),
		Platform: "linux/amd64",
		Config:   production(),
		Program: variants.Program{
			Path: "/server", File: "/opt/app/server", Mode: 0o755, Args: []string{"--port", "12345"},
			GoVersion: "go1.26.8", ImportPath: "example.com/hello", Module: "example.com/hello", BuildID: "a/b/c/d",
		},
		Paths: []variants.PathRule{
			{Path: "/src", Kind: variants.PathModule, Module: "example.com/hello"},
			{Path: "/go/pkg/mod", Kind: variants.PathModCache},
		},
		Version: "v1.0.0",
	}
	if v.Kind == variants.KindSidecar {
		in.Symbols = &variants.Symbols{File: "/.dlvgen/symbols/server", BuildID: "a/b/c/d", Sections: map[string]string{".text": "0123"}}
	}
	return in
}

func plan(t *testing.T, in variants.Input) *variants.Plan {
	t.Helper()
	p, err := variants.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlansListWhatIsMissingFromBakedSources(t *testing.T) {
	left := []variants.LeftOut{{Path: "/src/key.go", Reason: "it lies on a secret mount"}}
	for _, name := range variants.Names() {
		in := input(t, name)
		in.LeftOut = left
		want := left
		if in.Request.Variant.Sources != variants.SourcesBaked {
			want = nil
		}
		if got := plan(t, in).LeftOut; !slices.Equal(got, want) {
			t.Errorf("%s: left out are %v, want %v", name, got, want)
		}
	}
}

// goldens are the inputs of the plans in testdata: one for each variant, and others so
// that each part of a plan is in one of them.
func goldens(t *testing.T) map[string]variants.Input {
	t.Helper()
	all := map[string]variants.Input{}
	for _, name := range variants.Names() {
		all[name] = input(t, name)
	}
	launched := input(t, "remote")
	launched.Command.Detour = "the script /run.sh"
	launched.Reference, launched.Digest = "docker.io/library/hello:v1", "sha256:"+strings.Repeat("0123456789abcdef", 4)
	behind := input(t, "remote")
	behind.Command.Prefix = []string{"/sbin/tini", "--"}
	all["remote-inplace"], all["remote-tini"], all["test"] = launched, behind, tests(t)
	return all
}

// tests is the input of an image with the tests of a package.
func tests(t *testing.T) variants.Input {
	t.Helper()
	in := input(t, "test")
	in.Request.Test, in.Request.TestArgs = "example.com/hello/store", []string{"-test.run=^TestOpen$", "-test.v"}
	in.Program = variants.Program{
		Path: "/.dlvgen/program/store.test", File: "/.dlvgen/program/store.test", Mode: 0o755, Args: in.Request.TestArgs,
		GoVersion: "go1.26.8", ImportPath: "example.com/hello/store.test", Module: "example.com/hello", BuildID: "a/b/c/d",
	}
	in.Test = &variants.Test{Package: in.Request.Test, Dir: "/src/store"}
	return in
}

// What is different is the program: it runs in another folder, and is no service.
func TestTestsRunInTheirFolderAndElseAsProduction(t *testing.T) {
	got, want := plan(t, tests(t)).Config.Config, production().Config
	if got.WorkingDir != "/src/store" || got.Healthcheck != nil || !slices.Equal(got.Entrypoint, []string{"/.dlvgen/init"}) {
		t.Errorf("the config is %+v", got)
	}
	got.WorkingDir, got.Healthcheck, got.Entrypoint, got.Cmd, got.ExposedPorts, got.Labels = "", nil, nil, nil, nil, nil
	want.WorkingDir, want.Healthcheck, want.Entrypoint, want.Cmd, want.ExposedPorts, want.Labels = "", nil, nil, nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the config is\n%+v, want\n%+v", got, want)
	}
}

func TestPlansAreTheGoldens(t *testing.T) {
	for name, in := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			got, err := plan(t, in).JSON()
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
		{"flags of the user's own", func(in *variants.Input) { in.Request.DelveArgs = []string{"--log", "--log-output=rpc"} },
			"/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient --log --log-output=rpc exec /server -- --port 12345"},
		{"no arguments", func(in *variants.Input) { in.Program.Args = nil },
			"/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient exec /server"},
		{"loopback", func(in *variants.Input) { in.Request.Listen, in.Program.Args = "127.0.0.1:4000", nil },
			"/dlv --listen=127.0.0.1:4000 --headless=true --api-version=2 --accept-multiclient --only-same-user=false exec /server"},
		{"Go that the asked Delve does not announce", func(in *variants.Input) {
			in.Program.GoVersion, in.Program.Args, in.Request.Delve = "go1.21.13", nil, "1.27.2"
		}, "/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient --check-go-version=false exec /server"},
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

func TestEntries(t *testing.T) {
	const dlv = "/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient"
	for _, tc := range []struct {
		name, variant string
		edit          func(*variants.Input)
		entry         variants.Entry
		entrypoint    string
		command       string
		real          string
	}{
		{"straight", "remote", func(*variants.Input) {}, variants.EntryCmd, "/.dlvgen/init", dlv + " exec /server -- --port 12345", ""},
		{"behind a launcher", "remote", func(in *variants.Input) { in.Command.Prefix = []string{"/sbin/tini", "--"} },
			variants.EntryCmd, "/sbin/tini -- /.dlvgen/init", dlv + " exec /server -- --port 12345", ""},
		{"behind a script", "remote", func(in *variants.Input) { in.Command.Detour = "a script" },
			variants.EntryInplace, "/server", "--port 12345", "/.dlvgen/program/server"},
		{"asked for", "remote-src", func(in *variants.Input) { in.Request.Entry = variants.EntryInplace },
			variants.EntryInplace, "/server", "--port 12345", "/.dlvgen/program/server"},
		{"no links", "remote", func(in *variants.Input) { in.Request.Entry, in.NoLinks = variants.EntryInplace, true },
			variants.EntryInplace, "/server", "--port 12345", "/opt/app/.server.dlvgen"},
		{"attach", "attach", func(in *variants.Input) { in.Request.Entry = variants.EntryInplace }, "", "/server", "--port 12345", ""},
		{"sidecar", "sidecar", func(*variants.Input) {}, "", "/.dlvgen/init", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t, tc.variant)
			tc.edit(&in)
			p := plan(t, in)
			got := []string{string(p.Request.Entry), strings.Join(p.Config.Config.Entrypoint, " "), strings.Join(p.Config.Config.Cmd, " "), p.Program.Real}
			if want := []string{string(tc.entry), tc.entrypoint, tc.command, tc.real}; !slices.Equal(got, want) {
				t.Errorf("entry, ENTRYPOINT, CMD and program are\n%q, want\n%q", got, want)
			}
			if strings.Join(p.Debugger, " ") != dlv {
				t.Errorf("the debugger is %q", p.Debugger)
			}
		})
	}
}

func TestAnAttachImageIsProductionsButForItsLabels(t *testing.T) {
	got, want := plan(t, input(t, "attach")).Config.Config, production().Config
	got.Labels, want.Labels = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the config is\n%+v, want\n%+v", got, want)
	}
}

func TestASidecarHasNothingOfProductions(t *testing.T) {
	p := plan(t, input(t, "sidecar"))
	if c := p.Config.Config; c.User != "" || c.Volumes != nil || c.Healthcheck != nil || slices.Contains(c.Env, "MODE=production") {
		t.Errorf("the config has production's: %+v", c)
	}
	for _, h := range p.Config.History {
		if h.Comment != "dlvgen" {
			t.Errorf("the history has production's %q", h.CreatedBy)
		}
	}
	if p.Config.Architecture != "amd64" || p.Config.OS != "linux" {
		t.Errorf("the platform is %+v", p.Config.Platform)
	}
}

func TestDelvesSettingsLeadToBakedSources(t *testing.T) {
	in := input(t, "attach")
	in.Paths = []variants.PathRule{
		{Path: "example.com/hello", Source: "/src", Kind: variants.PathModule},
		{Path: "", Source: "/go/pkg/mod", Kind: variants.PathModCache},
		{Path: "/usr/local/go", Kind: variants.PathGOROOT},
	}
	want := `# Written by dlvgen.
substitute-path:
  - {from: "example.com/hello", to: "/src"}
  - {from: "", to: "/go/pkg/mod"}
`
	if got := string(plan(t, in).DelveConfig()); got != want {
		t.Errorf("the settings are\n%s, want\n%s", got, want)
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
		{"Go too old", func(in *variants.Input) { in.Program.GoVersion = "go1.15.2" }, "/server: no Delve that dlvgen ships debugs programs of go1.15.2"},
		{"Go too new", func(in *variants.Input) { in.Program.GoVersion = "go1.99.1" }, "/server: no Delve that dlvgen ships debugs programs of go1.99.1"},
		{"no port", func(in *variants.Input) { in.Request.Listen = "8000" }, "host:port"},
		{"port out of range", func(in *variants.Input) { in.Request.Listen = ":99999" }, "1 to 65535"},
		{"nothing to be put in front of", func(in *variants.Input) {
			in.Command.Detour, in.Request.Entry = "the script /run.sh (ENTRYPOINT)", variants.EntryCmd
		}, `entry is "cmd", and the image's command starts /server through the script /run.sh (ENTRYPOINT)`},
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

func TestPlanJSONReadsBack(t *testing.T) {
	for name, in := range goldens(t) {
		dt, err := plan(t, in).JSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := variants.ParsePlan(dt)
		if err != nil {
			t.Fatal(err)
		}
		again, err := back.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, dt) {
			t.Errorf("%s: the plan changed on the way:\n%s", name, again)
		}
	}
}

func TestAPlanOfALaterFormatNamesTheDlvgenToUse(t *testing.T) {
	_, err := variants.ParsePlan([]byte(`{"format": 2, "version": "v9.9.9", "program": "not what it was"}`))
	const want = `reading the plan: this dlvgen does not know its format, 2: use the dlvgen that derived the image, "v9.9.9"`
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
	if _, err := variants.ParsePlan([]byte(`{"version": "v0.1.0"}`)); err != nil {
		t.Errorf("a plan from before formats: %v", err)
	}
}
