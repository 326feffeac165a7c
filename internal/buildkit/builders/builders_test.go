package builders

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/docker/cli/cli/config"
	controlapi "github.com/moby/buildkit/api/services/control"
	apitypes "github.com/moby/buildkit/api/types"
	"github.com/moby/buildkit/solver/pb"
	"google.golang.org/grpc"
)

// dialEnv turns this test program into what ssh leads to: the socket that it names.
const dialEnv = "DLVGEN_TEST_DIAL"

func TestMain(m *testing.M) {
	if socket := os.Getenv(dialEnv); socket != "" {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			panic(err)
		}
		go func() { _, _ = io.Copy(conn, os.Stdin) }()
		_, _ = io.Copy(os.Stdout, conn)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// isolate has no builder, and no settings of Docker's but those that the test writes to the
// folder that it returns.
func isolate(t *testing.T) (docker string) {
	t.Helper()
	for _, name := range []string{"BUILDKIT_HOST", "BUILDX_BUILDER", "BUILDX_CONFIG", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION"} {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	docker = filepath.Join(dir, "docker")
	t.Setenv("HOME", dir)
	before := config.Dir() // read once from the environment
	config.SetDir(docker)
	t.Cleanup(func() { config.SetDir(before) })
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "none.sock"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("PATH", t.TempDir()) // without buildkitd
	return docker
}

// control answers the first question of a client.
type control struct {
	controlapi.UnimplementedControlServer
	version   string
	platforms []string
}

func (c control) ListWorkers(context.Context, *controlapi.ListWorkersRequest) (*controlapi.ListWorkersResponse, error) {
	record := &apitypes.WorkerRecord{ID: "worker", BuildkitVersion: &apitypes.BuildkitVersion{Version: c.version}}
	for _, name := range c.platforms {
		p := platforms.MustParse(name)
		record.Platforms = append(record.Platforms, &pb.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
	}
	return &controlapi.ListWorkersResponse{Record: []*apitypes.WorkerRecord{record}}, nil
}

// buildkitd is a BuildKit that answers at the address that it returns, and builds for those
// platforms, its own first.
func buildkitd(t *testing.T, version string, platforms ...string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "buildkitd.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	controlapi.RegisterControlServer(server, control{version: version, platforms: platforms})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return "unix://" + socket
}

// store writes a builder of one node as buildx stores it (store/store.go), and its use.
func store(t *testing.T, docker, name, driver, endpoint string, used bool) {
	t.Helper()
	storeWith(t, docker, name, driver, endpoint, nil, used)
}

func storeWith(t *testing.T, docker, name, driver, endpoint string, options map[string]string, used bool) {
	t.Helper()
	storeNodes(t, docker, name, driver, used, map[string]any{"Name": name + "0", "Endpoint": endpoint, "DriverOpts": options})
}

// storeNodes writes a builder with those nodes.
func storeNodes(t *testing.T, docker, name, driver string, used bool, nodes ...map[string]any) {
	t.Helper()
	write := func(path string, what any) {
		data, err := json.Marshal(what)
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(docker, "buildx")
	write(filepath.Join(dir, "instances", name), map[string]any{
		"Name": name, "Driver": driver, "Nodes": nodes,
	})
	if used {
		write(filepath.Join(dir, "current"), map[string]any{"Key": os.Getenv("DOCKER_HOST"), "Name": name})
	}
}

func opened(t *testing.T, o Options) (version string, told []string) {
	t.Helper()
	o.Notify = hearing(&told)
	b, err := Open(proctest.Context(t), o)
	if err != nil {
		t.Fatal(err)
	}
	version = b.Nodes[0].Version()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	return version, told
}

// hearing adds what is told, but for whom a slow machine waits.
func hearing(told *[]string) func(line string) {
	return func(line string) {
		if !strings.HasPrefix(line, "waiting for ") {
			*told = append(*told, line)
		}
	}
}

func TestTheFirstBuilderThatIsNamedWins(t *testing.T) {
	docker := isolate(t)
	addr, host := buildkitd(t, "v0.1-addr"), buildkitd(t, "v0.2-host")
	store(t, docker, "flag", "remote", buildkitd(t, "v0.3-flag"), false)
	store(t, docker, "variable", "remote", buildkitd(t, "v0.4-variable"), false)
	store(t, docker, "current", "remote", buildkitd(t, "v0.5-current"), true)
	for _, test := range []struct {
		o    Options
		want string
		told []string
	}{
		{Options{Addr: addr, Host: host, Name: "flag", Env: "variable"}, "v0.1-addr", nil},
		{Options{Host: host, Env: "variable"}, "v0.2-host", nil},
		{Options{Host: host, Name: "flag", Env: "variable"}, "v0.3-flag", nil},
		{Options{Env: "variable"}, "v0.4-variable", nil},
		{Options{}, "v0.5-current", []string{"building on the buildx builder current (remote)"}},
	} {
		if got, told := opened(t, test.o); got != test.want || !slices.Equal(told, test.told) {
			t.Errorf("%+v: %s was taken, want %s; told %q", test.o, got, test.want, told)
		}
	}
}

func TestANamedBuilderIsTheOnlyOneThatIsTried(t *testing.T) {
	docker := isolate(t)
	store(t, docker, "current", "remote", buildkitd(t, "v0.5"), true)
	store(t, docker, "gone", "remote", "unix://"+filepath.Join(docker, "gone.sock"), false)
	gone := "unix://" + filepath.Join(docker, "gone.sock")
	for _, test := range []struct {
		o    Options
		want []string
	}{
		{Options{Addr: gone, Host: "unix:///elsewhere"}, []string{"no BuildKit answers at " + gone, "--addr"}},
		{Options{Host: gone}, []string{"no BuildKit answers at " + gone, "BUILDKIT_HOST"}},
		{Options{Name: "absent"}, []string{"--builder is \"absent\"", "dlvgen builders"}},
		{Options{Env: "absent"}, []string{"BUILDX_BUILDER is \"absent\"", "dlvgen builders"}},
		{Options{Name: "gone"}, []string{"buildx builder gone (remote)", "gone.sock", "docker buildx inspect gone"}},
	} {
		test.o.limit = 5 * time.Second
		_, err := Open(proctest.Context(t), test.o)
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: got %v, want %q in it", test.o, err, want)
			}
		}
	}
}

func TestAllThatWereLookedAtAreNamedWhereNoneIsTaken(t *testing.T) {
	docker := isolate(t)
	store(t, docker, "gone", "remote", "unix://"+filepath.Join(docker, "gone.sock"), true)
	var told []string
	_, err := Open(proctest.Context(t), Options{limit: 5 * time.Second, Notify: hearing(&told)})
	if err == nil {
		t.Fatal("a builder was taken")
	}
	for _, want := range []string{
		"no node of the buildx builder gone (remote) answers", "Docker Engine at " + os.Getenv("DOCKER_HOST") + " does not answer: no such file or directory. ", "dlvgen's own BuildKit: ", "--builder or --addr",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") || len(told) != 2 || !strings.HasPrefix(told[0], "taking the next builder: no node of the buildx builder gone") {
		t.Errorf("told %q, got %v", told, err)
	}
}

// engineAt is a Docker Engine that answers pings, at a new socket.
func engineAt(t *testing.T, header map[string]string) (host string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for key, value := range header {
			w.Header().Set(key, value)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "unix://" + socket
}

func TestEnginesThatCannotBuildAreRefusedWithWhatCan(t *testing.T) {
	isolate(t)
	for _, test := range []struct {
		header map[string]string
		want   string
	}{
		{map[string]string{"Api-Version": "1.40", "OSType": "linux"}, "Docker Engine 20.10"},
		{map[string]string{"Api-Version": "1.51", "OSType": "windows"}, "Linux containers"},
	} {
		t.Setenv("DOCKER_HOST", engineAt(t, test.header))
		_, err := Open(proctest.Context(t), Options{Name: "default"})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want %q in it", test.header, err, test.want)
		}
	}
}

func TestASilentEngineIsNotWaitedForForever(t *testing.T) {
	isolate(t)
	t.Setenv("DOCKER_HOST", "unix://"+proctest.Silent(t, "unix", filepath.Join(t.TempDir(), "docker.sock"), nil))
	_, err := Open(proctest.Context(t), Options{Name: "default", limit: 200 * time.Millisecond})
	var silent *patience.SilentError
	if !errors.As(err, &silent) {
		t.Errorf("got %v", err)
	}
}

// TestTheEngineIsThatOfTheCurrentContext reads the context that the docker command stores.
func TestTheEngineIsThatOfTheCurrentContext(t *testing.T) {
	docker := isolate(t)
	t.Setenv("DOCKER_HOST", "")
	if err := os.MkdirAll(docker, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(docker, "config.json"), []byte(`{"currentContext":"far"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewEngine(); err == nil || !strings.Contains(err.Error(), "docker context far") {
		t.Errorf("got %v", err)
	}
	// As the docker command stores it: the folder's name is the digest of the context's.
	meta := filepath.Join(docker, "contexts", "meta", fmt.Sprintf("%x", sha256.Sum256([]byte("far"))))
	if err := os.MkdirAll(meta, 0o700); err != nil {
		t.Fatal(err)
	}
	const text = `{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@far.example"}}}`
	if err := os.WriteFile(filepath.Join(meta, "meta.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	if e.Context != "far" || e.DaemonHost() != "ssh://me@far.example" {
		t.Errorf("the engine is %s at %s", e.Context, e.DaemonHost())
	}
	t.Setenv("DOCKER_HOST", "tcp://near.example:2375")
	if e, err = NewEngine(); err != nil || e.DaemonHost() != "tcp://near.example:2375" {
		t.Errorf("DOCKER_HOST: got %v, %v", e, err)
	}
}

// TestAnEngineBehindSSHIsReached has an ssh that leads to an engine of this machine.
func TestAnEngineBehindSSHIsReached(t *testing.T) {
	isolate(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	socket := strings.TrimPrefix(engineAt(t, map[string]string{"Api-Version": "1.40", "OSType": "linux"}), "unix://")
	script := fmt.Sprintf("#!/bin/sh\necho \"$*\" >%s/called\n%s=%s exec %s\n", dir, dialEnv, socket, self)
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("DOCKER_HOST", "ssh://me@far.example")
	_, err = Open(proctest.Context(t), Options{Name: "default"})
	if err == nil || !strings.Contains(err.Error(), "Docker Engine at ssh://me@far.example has API version 1.40") {
		t.Errorf("got %v", err)
	}
	if called, err := os.ReadFile(filepath.Join(dir, "called")); err != nil || !strings.Contains(string(called), "far.example") || !strings.Contains(string(called), "dial-stdio") {
		t.Errorf("ssh was called with %q, %v", called, err)
	}
}

func TestTheListSaysWhatWouldBeTakenAndWhy(t *testing.T) {
	docker := isolate(t)
	store(t, docker, "gone", "remote", "unix://"+filepath.Join(docker, "gone.sock"), true)
	store(t, docker, "other", "remote", buildkitd(t, "v0.9"), false)
	list, err := List(proctest.Context(t), Options{limit: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range list {
		got = append(got, strings.Join([]string{l.Name, l.Driver, l.Status, l.Version, l.Why}, "|"))
	}
	want := []string{
		"gone|remote|unusable||current builder of buildx", "default|docker|unusable||current docker context",
		"dlvgen|child|unusable||started by dlvgen where there is no other", "other|remote|running|v0.9|",
	}
	if !slices.Equal(got, want) || slices.ContainsFunc(list, func(l Listed) bool { return l.Selected }) {
		t.Errorf("got %q, want %q", got, want)
	}
	if list, err = List(proctest.Context(t), Options{Name: "other"}); err != nil || !list[0].Selected || list[0].Why != "--builder" {
		t.Errorf("with --builder: got %+v, %v", list, err)
	}
}

func TestTheChildCanBeNamed(t *testing.T) {
	docker := isolate(t)
	list, err := List(proctest.Context(t), Options{Env: "dlvgen"})
	if err != nil || list[0].Driver != driverChild || list[0].Why != "BUILDX_BUILDER" {
		t.Errorf("got %+v, %v", list, err)
	}
	// Who has a builder of that name means it.
	store(t, docker, "dlvgen", "remote", buildkitd(t, "v0.9"), false)
	if got, _ := opened(t, Options{Name: "dlvgen"}); got != "v0.9" {
		t.Errorf("%s was taken", got)
	}
}

func TestNothingIsWrittenWhereBuildxHasNoStore(t *testing.T) {
	docker := isolate(t)
	if _, err := List(proctest.Context(t), Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(docker); err == nil {
		t.Errorf("%s was created", docker)
	}
}
