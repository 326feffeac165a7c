package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// rebuilds is how often each frontend rebuilds for one median.
const rebuilds = 9

// BenchmarkNoop compares what a rebuild takes that changes nothing, by docker/dockerfile's
// image and by dlvgen's, in turn. "times" is dlvgen's production build over docker/dockerfile's.
func BenchmarkNoop(b *testing.B) {
	testenv.Require(b, testenv.NeedBuildKit)
	bk, service := testenv.SharedBuildKit(b), testenv.Service(b, "hello")
	stock, ours := testenv.DockerfileImage(b), testenv.FrontendImage(b)
	frontends := []map[string]string{
		{"build-arg:BUILDKIT_SYNTAX": stock},
		{"build-arg:BUILDKIT_SYNTAX": ours},
		{"build-arg:BUILDKIT_SYNTAX": ours, "build-arg:DLVGEN_VARIANT": "remote"},
	}
	took := make([][]time.Duration, len(frontends))
	rebuild := func(i int) time.Duration {
		start := time.Now()
		if solved, err := bk.Solve(b.Context(), testenv.Solve{Context: service, Attrs: frontends[i]}); err != nil {
			b.Fatal(fmt.Errorf("%w\n%s", err, solved.Log))
		}
		return time.Since(start)
	}
	for i := range frontends {
		rebuild(i)
	}
	for b.Loop() {
		for range rebuilds {
			for i := range frontends {
				took[i] = append(took[i], rebuild(i))
			}
		}
	}
	b.ReportMetric(median(took[0]).Seconds(), "s/dockerfile")
	b.ReportMetric(median(took[1]).Seconds(), "s/production")
	b.ReportMetric(median(took[2]).Seconds(), "s/remote")
	b.ReportMetric(times(took[1], took[0]), "times")
}
