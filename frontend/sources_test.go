package frontend_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// closedDockerfile compiles in a folder that is part of the image, and closes it.
const closedDockerfile = `FROM golang:1.26
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /server . && chown 1000:1001 /src && chmod 3710 /src
ENTRYPOINT ["/server"]
`

func TestSourcesLeaveProductionsFoldersAsTheyAre(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	service := testenv.Service(t, "hello")
	if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(closedDockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	const image = "closed/hello:v1-debug-src"
	mustDerive(ctx, t, bk, derivation{service: service, options: variant("remote-src"), push: reg.Ref(image)})
	img, err := reg.Image(ctx, image)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files, err := layers[len(layers)-2].Uncompressed() // the sources, below the plan
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for h, err := range testenv.Entries(files) {
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(h.Name, "/")] = fmt.Sprintf("%o %d:%d", h.Mode&0o7777, h.Uid, h.Gid)
	}
	if found["src"] != "3710 1000:1001" || found["src/main.go"] != "644 0:0" {
		t.Errorf("the layer of sources has %v, want /src as production has it: 3710 1000:1001", found)
	}
}
