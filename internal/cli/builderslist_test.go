package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

func TestBuildersAreListedAsATableAndAsJSON(t *testing.T) {
	list := []builders.Listed{
		{Info: builders.Info{Name: "far", Driver: "remote", Why: "current builder of buildx"}, State: builders.State{Status: builders.Unusable, Reason: "no node answers\nand more"}},
		{Info: builders.Info{Name: "default", Driver: "docker", Why: "current docker context"}, Selected: true, State: builders.State{
			Status: builders.Running, Version: "v0.26.3", Platforms: []string{"linux/amd64", "linux/amd64/v2", "linux/386", "linux/arm64"},
		}},
		{Info: builders.Info{Name: "other", Driver: "kubernetes"}, State: builders.State{Status: builders.Stopped}},
		{Info: builders.Info{Name: "pair", Driver: "remote"}, State: builders.State{
			Status: builders.Running, Version: "v0.30.0", Platforms: []string{"linux/amd64", "linux/386"}, Declared: []string{"linux/arm64"}, Reason: "no answer",
			Nodes: []builders.NodeState{
				{Name: "amd0", State: builders.State{Status: builders.Running, Version: "v0.30.0", Platforms: []string{"linux/amd64", "linux/386"}}},
				{Name: "arm0", State: builders.State{Status: builders.Unusable, Reason: "no answer", Declared: []string{"linux/arm64"}}},
			},
		}},
	}
	var out bytes.Buffer
	if err := printBuilders(streams{out: &out}, "", list); err != nil {
		t.Fatal(err)
	}
	const want = `NAME       DRIVER      STATUS    BUILDKIT  PLATFORMS                                 WHY
far        remote      unusable  -         -                                         current builder of buildx
default *  docker      running   v0.26.3   linux/amd64,linux/amd64/v2,linux/386,...  current docker context
other      kubernetes  stopped   -         -                                         -
pair       remote      running   v0.30.0   linux/arm64*,linux/amd64,linux/386        -
  \_ amd0  -           running   v0.30.0   linux/amd64,linux/386                     -
  \_ arm0  -           unusable  -         linux/arm64*                              -

far (remote) cannot be used: no node answers
node arm0 of pair cannot be used: no answer
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestBuildersCommandHasTheNamedOneFirst(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "none.sock"))
	t.Setenv("BUILDX_CONFIG", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("BUILDKIT_HOST", "unix://"+filepath.Join(dir, "gone.sock"))
	var out, stderr bytes.Buffer
	if code := Run(proctest.Context(t), []string{"builders", "--format", "json"}, strings.NewReader(""), &out, &stderr); code != ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var list []struct {
		Name, Driver, Status, Why, Reason string
		Selected                          bool
	}
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	if first := list[0]; first.Driver != "address" || first.Why != "BUILDKIT_HOST" || first.Status != builders.Unusable || !strings.Contains(first.Reason, "gone.sock") || first.Selected {
		t.Errorf("got %+v", first)
	}
}
