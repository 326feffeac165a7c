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

func TestSourcesAreThoseCapturedAlone(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	for name, then := range map[string]string{
		"as they are":        "true",
		"a killed call":      "mkdir -p /.dlvgen/sources/.dlvgen-1/src && touch /.dlvgen/sources/.dlvgen-1/src/main.go",
		"the owner of files": "chown -R 1000:1001 /.dlvgen/sources",
	} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			service := testenv.Service(t, "hello")
			dockerfile := "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /server . && " + then +
				"\nFROM scratch\nCOPY --from=build /server /server\nENTRYPOINT [\"/server\"]\n"
			if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
				t.Fatal(err)
			}
			image := "captured/hello:" + strings.ReplaceAll(name, " ", "-")
			mustDerive(ctx, t, bk, derivation{service: service, options: variant("remote-src"), push: reg.Ref(image)})
			files := treeOf(ctx, t, reg, image)
			for name, owner := range map[string]string{"/src": "0755 0:0", "/src/main.go": "0644 0:0", "/src/go.mod": "0644 0:0"} {
				if f, ok := files[name]; !ok || f.owner() != owner {
					t.Errorf("%s is %s, want %s", name, f.owner(), owner)
				}
			}
			for name := range files {
				if strings.HasPrefix(name, "/.dlvgen-") {
					t.Errorf("the image has %s", name)
				}
			}
		})
	}
}
