package llbgen

import (
	"fmt"
	"slices"
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
		"RUN ./setup.sh: instrumented runs setup.sh",
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
