package frontend_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

func TestBakedSourcesAreListedFromInside(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	ref := reg.Ref("sources/hello:v1-debug-src")
	mustDerive(ctx, t, bk, derivation{service: testenv.Service(t, "hello"), options: variant("remote-src"), push: ref})
	c := start(ctx, t, engine, ref)
	if err := c.connect(ctx, t).Close(); err != nil { // until it listens
		t.Fatal(err)
	}
	inside := exec.CommandContext(ctx, "docker", "exec", "-i", c.ID, "/dlv", "connect", ":8000")
	inside.Env = append(os.Environ(), "DOCKER_HOST="+engine.Host)
	inside.Stdin = strings.NewReader("list /src/main.go:17\nquit -c\n")
	out, err := inside.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "handler(w http.ResponseWriter, r *http.Request) {") {
		t.Errorf("dlv connect inside the container lists\n%s", out)
	}
}
