package builders

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// TestABuilderInKubernetesIsReachedByKubectl has a kubectl that lists one pod, in which
// buildctl leads to a BuildKit of this machine.
func TestABuilderInKubernetesIsReachedByKubectl(t *testing.T) {
	buildctl, err := testenv.Program(t.Context(), "buildctl")
	if err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	docker := isolate(t)
	addr := buildkitd(t, "v0.7")
	dir := t.TempDir()
	script := `#!/bin/sh
echo "$*" >>` + dir + `/calls
case "$*" in
*" get pods "*) echo '{"items":[{"metadata":{"name":"pod-1"},"spec":{"containers":[{"name":"buildkitd"}]}}]}' ;;
*" exec "*) exec ` + buildctl + ` --addr ` + addr + ` dial-stdio ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+path)
	store(t, docker, "pods", "kubernetes", "kubernetes:///pods?deployment=pods0&kubeconfig=%2Fkube.config", true)
	got, told := opened(t, Options{})
	if got != "v0.7" || len(told) != 1 || told[0] != "building on the buildx builder pods (kubernetes)" {
		t.Errorf("%s was taken, told %q", got, told)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--kubeconfig=/kube.config get pods --selector=app=pods0 ",
		"--kubeconfig=/kube.config exec --container=buildkitd --stdin pod-1 -- buildctl dial-stdio\n",
	} {
		if !strings.Contains(string(calls), want) {
			t.Errorf("kubectl was called with\n%s, want %q", calls, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte("#!/bin/sh\necho '{\"items\":[]}'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(proctest.Context(t), Options{Name: "pods"}); err == nil || !strings.Contains(err.Error(), "--bootstrap") {
		t.Errorf("without a pod: got %v", err)
	}
}
