package llbgen

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

func TestSurveySaysWhatBecomesOfEachStep(t *testing.T) {
	b := run(goImage().AddEnv("GOLANG_VERSION", "1.26.8"), "apt-get update")
	b = run(b, "go build -o /server .")
	b = run(b, "chmod +x /server")
	assets := run(run(llb.Image("docker.io/library/node:22"), "npm ci"), "npm run build")
	final := run(alpine(), "adduser app")
	final = copied(copied(final, b, "/server", "/server"), assets, "/dist", "/dist")
	final = run(final, "./setup.sh")
	steps, err := Survey(definition(t, final), InstrumentOptions{Tools: testTools})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"RUN apt-get update: cached ",
		"RUN go build -o /server .: instrumented runs go build 1.26.8",
		"RUN chmod +x /server: repeated ",
		"RUN npm ci: cached ",
		"RUN npm run build: cached runs npm",
		"RUN adduser app: cached ",
		"RUN ./setup.sh: repeated runs setup.sh",
	}
	var got []string
	for _, s := range steps {
		text := fmt.Sprintf("%s: %s %s", s.Name, s.Treatment, s.Reason)
		if s.Go != "" {
			text += " " + s.Go
		}
		got = append(got, text)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// TestSurveyTakesAStageForWhatItStartsFrom has steps whose commands tell nothing: an
// image without Go, one that nobody knows, and what brings Go on the way.
func TestSurveyTakesAStageForWhatItStartsFrom(t *testing.T) {
	rust := llb.Image("docker.io/library/rust:1.90")
	unknown := llb.Image("registry.example/builder:7")
	context := llb.Local("context")
	for _, tc := range []struct {
		name string
		st   llb.State
		want string // of the last step
	}{
		{"an image without Go", run(copied(run(rust, "apt-get update && cargo fetch"), context, "/", "/src"), "just-cargo build"), "cached, no Go"},
		{"a digest of it", run(llb.Image("docker.io/library/rust@sha256:"+strings.Repeat("0", 64)), "just-cargo build"), "cached, no Go"},
		{"a distroless image", run(llb.Image("gcr.io/distroless/cc-debian12:debug"), "/app selftest"), "cached, no Go"},
		{"a smoke test", run(copied(alpine(), run(goImage(), "go build -o /server ."), "/server", "/server"), "/server & hey -n 1 http://localhost"), "repeated, no Go"},
		{"a smoke test of what is linked", run(linked(alpine(), run(goImage(), "go build -o /server ."), "/server", "/server"), "/server & hey -n 1 http://localhost"), "repeated, no Go"},
		{"Go that is linked", run(linked(rust, goImage(), "/usr/local/go", "/usr/local/go"), "make"), "instrumented, open"},
		{"strip of what was compiled", run(copied(alpine(), run(goImage(), "go build -o /server ."), "/server", "/server"), "strip /server"), "instrumented"},
		{"strip of what was not", run(rust, "just-cargo build && strip worker"), "cached, no Go"},
		{"an image that nobody knows", run(unknown, "just-cargo build"), "instrumented, open"},
		{"an image that nobody knows, and go", run(unknown, "go build -o /x ."), "instrumented"},
		{"another image's program", run(copied(rust, goImage(), "/usr/bin/just-cargo", "/usr/bin/"), "just-cargo build"), "cached, no Go"},
		{"a package of Go", run(run(rust, "apt-get install -y golang"), "make"), "instrumented, open"},
		{"a copy of Go", run(copied(rust, goImage(), "/usr/local/go", "/usr/local/go"), "make"), "instrumented, open"},
		{"all that another stage has", run(copied(rust, run(goImage(), "true"), "/", "/"), "make"), "instrumented, open"},
		{"an unknown program ahead", run(run(rust, "./install-tools.sh"), "make"), "instrumented, open"},
		{"another language's tool ahead", run(run(rust, "cargo build && npm run x"), "make"), "cached, no Go"},
		{"a mount of Go", run(rust, "make", llb.AddMount("/usr/local/go", goImage(), llb.SourcePath("/usr/local/go"))), "instrumented"},
		{"a cache of Go's", run(rust, "make", llb.AddMount("/root/.cache/go-build", llb.Scratch(), llb.AsPersistentCacheDir("x", llb.CacheMountShared))), "instrumented"},
		{"another language's tool in an image with Go", run(goImage(), "yarn && yarn build"), "cached"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			def := definition(t, tc.st)
			steps, err := Survey(def, InstrumentOptions{Tools: testTools})
			if err != nil {
				t.Fatal(err)
			}
			last := steps[len(steps)-1]
			got := string(last.Treatment)
			if last.Open {
				got += ", open"
			}
			if last.NoGo {
				got += ", no Go"
			}
			if got != tc.want || last.Reason == "" {
				t.Errorf("%s: %s (%s), want %s", last.Name, got, last.Reason, tc.want)
			}
			instrumented := slices.ContainsFunc(instrument(t, def, InstrumentOptions{}).Steps, func(s *Step) bool { return s.Name == last.Name })
			if instrumented != (last.Treatment == TreatmentInstrumented) {
				t.Errorf("the survey says %s, instrumented is %t", got, instrumented)
			}
		})
	}
}

func TestSurveyAgreesWithInstrument(t *testing.T) {
	def := definition(t, hello())
	steps, err := Survey(def, InstrumentOptions{Tools: testTools})
	if err != nil {
		t.Fatal(err)
	}
	var surveyed, instrumented []string
	for _, s := range steps {
		if s.Treatment == TreatmentInstrumented {
			surveyed = append(surveyed, s.Name)
		}
	}
	for _, s := range instrument(t, def, InstrumentOptions{}).Steps {
		instrumented = append(instrumented, s.Name)
	}
	if !slices.Equal(surveyed, instrumented) {
		t.Errorf("the survey says %q, and %q were instrumented", surveyed, instrumented)
	}
}

func TestSurveyHasTheLinesOfTheDockerfile(t *testing.T) {
	sm := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte("FROM golang\nRUN go build\n"))
	def := definition(t, hello(sm.Location([]*pb.Range{{Start: &pb.Position{Line: 2}, End: &pb.Position{Line: 2}}})))
	steps, err := Survey(def, InstrumentOptions{Tools: testTools})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		want := 0
		if s.Treatment == TreatmentInstrumented {
			want = 2
		}
		if s.Line != want {
			t.Errorf("%s is on line %d, want %d", s.Name, s.Line, want)
		}
	}
}

func TestTheVersionOfGoIsThatWhichTheEnvironmentAsksFor(t *testing.T) {
	for asked, want := range map[string]string{
		"": "1.26.8", "local": "1.26.8", "go1.24.13": "1.24.13",
		"auto": "", "path": "", "go1.24.13+auto": "", "local+path": "",
	} {
		if got := GoVersion([]string{"GOLANG_VERSION=1.26.8", "GOTOOLCHAIN=" + asked}); got != want {
			t.Errorf("GOTOOLCHAIN=%s: %q, want %q", asked, got, want)
		}
	}
	steps, err := Survey(definition(t, run(goImage().AddEnv("GOLANG_VERSION", "1.26.8"), "GOTOOLCHAIN=auto go build .")), InstrumentOptions{Tools: testTools})
	if err != nil || steps[0].Go != "" {
		t.Errorf("%+v, %v", steps, err)
	}
}
