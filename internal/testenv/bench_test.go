package testenv_test

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants/delve"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// compilePrebuilt makes the program that the service prebuilt copies in.
func compilePrebuilt(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), "go", "build", "-trimpath", "-o", "bin/server", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestServicesAreBuiltPushedAndServed(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)

	for _, tc := range []struct {
		service    string
		dockerfile string
		prepare    func(*testing.T, string)
		port       int
		path       string
		page       string
		code       int // after docker stop, 2 where SIGTERM ends a Go program; 0: not stopped
	}{
		{service: "hello", dockerfile: "Dockerfile", port: 12345, path: "/?name=bench", page: "Hello, bench!\n", code: 7},
		{service: "hello", dockerfile: "Dockerfile.debian", port: 12345, path: "/", page: "Hello, world!\n", code: 7},
		{service: "hello", dockerfile: "Dockerfile.distroless", port: 12345, path: "/", page: "Hello, world!\n", code: 7},
		{service: "makefile", dockerfile: "Dockerfile", port: 12345, path: "/", page: "version 1.2.3\n", code: 2},
		{service: "cgopie", dockerfile: "Dockerfile", port: 12345, path: "/", page: "sum 42\n", code: 2},
		{service: "script", dockerfile: "Dockerfile", port: 12345, path: "/x", page: "path /x\n", code: 2},
		{service: "dependency", dockerfile: "Dockerfile", port: 12345, path: "/", page: "id cfbff0d1-9375-5685-968c-48ce8b15ae17\n", code: 2},
		{service: "prebuilt", dockerfile: "Dockerfile", prepare: compilePrebuilt, port: 12345, path: "/", page: "built elsewhere\n", code: 2},
		{service: "nogo", dockerfile: "Dockerfile", port: 8080, path: "/", page: "<p>No Go here.</p>\n"},
	} {
		t.Run(tc.service+"/"+tc.dockerfile, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			dir := testenv.Service(t, tc.service)
			if tc.prepare != nil {
				tc.prepare(t, dir)
			}
			ref := reg.Ref("bench/" + tc.service + ":" + tc.dockerfile)
			solved, err := bk.Solve(ctx, testenv.Solve{Context: dir, Dockerfile: tc.dockerfile, Push: ref})
			if err != nil {
				t.Fatalf("%v\n%s", err, solved.Log)
			}
			c := engine.Run(t, "--publish", "127.0.0.1::"+strconv.Itoa(tc.port), ref)
			addr, err := c.Addr(ctx, tc.port)
			if err != nil {
				t.Fatal(err)
			}
			page, err := testenv.Get(ctx, "http://"+addr+tc.path)
			if err != nil {
				t.Fatal(err)
			}
			if page != tc.page {
				t.Errorf("the page is %q, want %q", page, tc.page)
			}
			if tc.code == 0 {
				return
			}
			code, err := c.Stop(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if code != tc.code {
				t.Errorf("exit code %d after docker stop, want %d", code, tc.code)
			}
		})
	}
}

func TestACompileErrorIsTheServicesOwn(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	solved, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{Context: testenv.Service(t, "compileerror")})
	if err == nil {
		t.Fatal("built")
	}
	if !strings.Contains(solved.Log, "./main.go:5:17: cannot use") {
		t.Errorf("the log lacks the compiler's message:\n%s", solved.Log)
	}
}

func TestBusyboxAddsUsersAndGroups(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	dir := t.TempDir()
	const dockerfile = `FROM busybox
RUN addgroup -S app && adduser -S -D -H -h /app -G app web && addgroup web nobody
RUN adduser -D -u 4711 -s /bin/sh other && adduser other app && adduser -D third && adduser third app
RUN [ "$(id web)" = "uid=101(web) gid=100(app) groups=100(app),65534(nobody)" ] && [ ! -e /app ]
RUN [ "$(su other -c 'cd; touch mine; echo $(id -u) $(id -g) $(pwd)')" = "4711 4711 /home/other" ]
RUN grep -qx app:x:100:other,third /etc/group && ! adduser -D third && ! adduser third none && ! addgroup app
`
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	if solved, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{Context: dir}); err != nil {
		t.Errorf("%v\n%s", err, solved.Log)
	}
}

func TestTheFrontendImageHoldsProgramAndTools(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	testenv.FrontendImage(t)
	img, err := testenv.SharedRegistry(t).Image(proctest.Context(t), "dlvgen/dlvgen:test")
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var pulled int64
	for _, l := range layers {
		size, err := l.Size()
		if err != nil {
			t.Fatal(err)
		}
		pulled += size
	}
	if pulled > 50_000_000 {
		t.Errorf("the image has %d bytes compressed, want at most 50 MB", pulled)
	}
	t.Logf("%d bytes", pulled)
	found := map[string]bool{}
	in := tar.NewReader(mutate.Extract(img))
	for {
		header, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[path.Clean(header.Name)] = header.Mode&0o111 != 0
	}
	platform := "tools/" + layout.Platform("linux", runtime.GOARCH, "")
	for _, name := range []string{"dlvgen-frontend", platform + "/" + layout.ToolGo, platform + "/" + layout.ToolInit, platform + "/" + layout.ToolDelve + "/" + delve.Newest + "/dlv"} {
		if !found[name] {
			t.Errorf("%s is missing or not executable", name)
		}
	}
}

func TestASecondBuildIsCached(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	build := testenv.Solve{Context: testenv.Service(t, "hello")}
	for range 2 {
		if _, err := bk.Solve(proctest.Context(t), build); err != nil {
			t.Fatal(err)
		}
	}
	solved, err := bk.Solve(proctest.Context(t), build)
	if err != nil {
		t.Fatal(err)
	}
	step, err := solved.Step("RUN CGO_ENABLED=0 go build")
	if err != nil {
		t.Fatal(err)
	}
	if !step.Cached {
		t.Errorf("not cached the second time: %s\n%s", step.Name, solved)
	}
}

func TestGetEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := testenv.Get(ctx, "http://"+freeAddr(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v, want the deadline's", err)
	}
}
