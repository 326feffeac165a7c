//go:build linux && !race

package cli_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"golang.org/x/tools/txtar"
)

// podBench is a cluster that runs a service, whose debug images are in its registry.
type podBench struct {
	debugBench
	cluster *testenv.Kubernetes
}

// podManifest is a pod as strict as a distroless one in production. A probe may fail for as long
// as a test stops the program, and no longer.
const podManifest = `apiVersion: v1
kind: Pod
metadata:
  name: NAME
  labels: {app: LABEL}
spec:
  nodeName: "127.0.0.1"
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: app
      image: IMAGE
      ports: [{containerPort: 12345}]
      securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      readinessProbe: {httpGet: {port: 12345}, periodSeconds: 1, failureThreshold: 1}
      livenessProbe: {httpGet: {port: 12345}, periodSeconds: 1, failureThreshold: 30}
`

// manifestOf is podManifest for a name and an image. Each label stands for a workload.
func manifestOf(name, image, label string) string {
	return strings.NewReplacer("NAME", name, "IMAGE", image, "LABEL", label).Replace(podManifest)
}

// deploymentManifest is that of a Deployment, whose pods nobody makes: they are the tests' own.
const deploymentManifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec: {containers: [{name: app, image: none}]}
`

func newPodBench(t *testing.T) *podBench {
	t.Helper()
	programs := os.Getenv(testenv.KubernetesPrograms)
	if programs == "" {
		t.Skipf("%s is not set: run make test-kubernetes", testenv.KubernetesPrograms)
	}
	b := &podBench{debugBench: debugBench{reg: needBuildKit(t)}}
	testenv.Require(t, testenv.NeedRoot)
	letAttach(t)
	dlv, err := testenv.Program(t.Context(), "dlv")
	if err != nil {
		t.Fatal(err)
	}
	b.folder = testenv.Service(t, "hello")
	b.solve(t, "v1")
	mustBuild(t, "-t", b.ref("v1"), "--variant", "remote,attach,sidecar", "--push", b.folder)
	if b.cluster, err = testenv.StartKubernetes(proctest.Context(t), b.reg, programs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	b.env = append(os.Environ(), callEnv+"=1", "KUBECONFIG="+b.cluster.Kubeconfig, "XDG_CACHE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(),
		"DOCKER_HOST=unix:///nonexistent", "PATH="+filepath.Dir(dlv)+":"+os.Getenv("PATH"), "TERM=dumb", "BUILDKIT_HOST="+testenv.SharedBuildKit(t).Addr)
	return b
}

// letAttach lets a process attach to others of its own user while the test runs, where the
// machine forbids it.
func letAttach(t *testing.T) {
	t.Helper()
	const file = "/proc/sys/kernel/yama/ptrace_scope"
	before, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return
	}
	if err == nil {
		err = os.WriteFile(file, []byte("0"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(file, before, 0o600) })
}

// kubectl runs it with a text on stdin.
func (b *podBench) kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := b.cluster.Kubectl(proctest.Context(t), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// apply makes a pod of a manifest, and waits until it is ready.
func (b *podBench) apply(t *testing.T, manifest string, flags ...string) {
	t.Helper()
	b.kubectl(t, manifest, append(flags, "apply", "-f", "-")...)
	b.kubectl(t, manifest, append(flags, "wait", "--for=condition=Ready", "--timeout=120s", "-f", "-")...)
}

// pod is what a test reads of a pod.
type pod struct {
	Spec struct {
		EphemeralContainers []struct{ Name string }
	}
	Status struct {
		PodIP                      string
		ContainerStatuses          []containerStatus
		EphemeralContainerStatuses []containerStatus
	}
}

type containerStatus struct {
	Name         string
	RestartCount int
	State        struct {
		Running    *struct{}
		Terminated *struct{ ExitCode int }
	}
}

func (b *podBench) pod(t *testing.T, name string, flags ...string) (p pod) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.kubectl(t, "", append(flags, "get", "pod", name, "-o", "json")...)), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (b *podBench) page(t *testing.T, name string, flags ...string) string {
	t.Helper()
	return fmt.Sprintf("http://%s:12345/", b.pod(t, name, flags...).Status.PodIP)
}

// runsOn says that a pod's containers run as they did, that each debugger has ended well, and
// how many there were.
func (b *podBench) runsOn(t *testing.T, debuggers int, name string, flags ...string) {
	t.Helper()
	p := b.pod(t, name, flags...)
	for _, s := range p.Status.ContainerStatuses {
		if s.RestartCount != 0 || s.State.Running == nil {
			t.Errorf("the container %s of %s does not run, or was started again: %+v", s.Name, name, s)
		}
	}
	var ended int
	for _, s := range p.Status.EphemeralContainerStatuses {
		if s.State.Terminated == nil {
			t.Errorf("the debugger %s of %s has not ended: %+v", s.Name, name, s)
		} else {
			ended++
		}
	}
	if ended != debuggers || len(p.Spec.EphemeralContainers) != debuggers {
		t.Errorf("%s had %d debuggers of which %d have ended, want %d", name, len(p.Spec.EphemeralContainers), ended, debuggers)
	}
	answers(t, b.page(t, name, flags...))
}

func TestKubernetesPodsAreDebugged(t *testing.T) {
	b := newPodBench(t)
	b.apply(t, manifestOf("app", b.ref("v1"), "app"))
	t.Run("at Delve's prompt", b.prompts)
	t.Run("with an editor, through a tunnel that breaks", b.tunnel)
	t.Run("after a session that was killed", b.killed)
	t.Run("one of a deployment's", b.deployment)
	t.Run("as the program's user, which the debugger finds out", b.learns)
	t.Run("with a debugger that is made first", b.makesForPod)
	t.Run("with the debugger that it has", b.podHasDebugger)
	t.Run("where Pod Security allows no capability", b.restricted)
	t.Run("through a proxy that knows no WebSocket", b.olderProxy)
	t.Run("at the prompt of the debugger's own Delve", b.promptInPod)
	t.Run("its calls", b.traces)
	t.Run("refusals", b.podRefusals)
	t.Run("checked by doctor", b.examines)
	t.Run("what kube prints is accepted", b.accepts)
	t.Run("its names complete the words of kubectl's plugin", b.completes)
}

// prompts has the client leave the program at a breakpoint of production's own binary.
func (b *podBench) prompts(t *testing.T) {
	c := b.start(t, "pod/app")
	c.says(t, &c.stderr, "the program stands still while the prompt waits")
	c.types(t, "break main.handler")
	c.says(t, &c.stdout, "Breakpoint 1 set at")
	c.types(t, "continue")
	c.says(t, &c.stdout, "> [Breakpoint 1] main.handler() ")
	c.says(t, &c.stdout, "=>")
	c.types(t, "exit", "n")
	c.end(t, 0, cli.ExitOK)
	if want := "func handler(w http.ResponseWriter"; !strings.Contains(c.stdout.String(), want) {
		t.Errorf("the prompt shows no %q", want)
	}
	if want := "the registry links it with sha256:"; !strings.Contains(c.stderr.String(), want) {
		t.Errorf("dlvgen does not say %q", want)
	}
	b.runsOn(t, 1, "app")
}

// tunnel has the API end every connection, and debugs on at the same address.
func (b *podBench) tunnel(t *testing.T) {
	c, addr, _ := b.editor(t, "pod/app")
	broken, err := testenv.ConnectDelve(proctest.Context(t), addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cluster.Restart(proctest.Context(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := broken.GetStateNonBlocking(); err == nil {
		t.Error("the connection has outlived its tunnel")
	}
	answer := hits(t, addr, b.page(t, "app"))
	c.end(t, syscall.SIGINT, cli.ExitOK)
	if got := <-answer; got != "Hello, world!\n" {
		t.Errorf("the page is %q", got)
	}
	b.runsOn(t, 2, "app")
}

// killed has the next call end what one has left.
func (b *podBench) killed(t *testing.T) {
	c, _, _ := b.editor(t, "pod/app")
	if r := b.call(t, "pod/app", "--context", "admin"); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "pod/app has a debugger already") {
		t.Errorf("beside another session: exit code %d\n%s", r.code, r.stderr)
	}
	c.end(t, syscall.SIGKILL, -1)
	c, addr, _ := b.editor(t, "pod/app")
	if want := "a session with pod/app was killed: undoing what it has left"; !strings.Contains(c.stderr.String(), want) {
		t.Errorf("dlvgen does not say %q", want)
	}
	answer := hits(t, addr, b.page(t, "app"))
	c.end(t, syscall.SIGTERM, cli.ExitOK)
	<-answer
	b.runsOn(t, 4, "app")
}

func (b *podBench) deployment(t *testing.T) {
	b.apply(t, manifestOf("shop-1", b.ref("v1"), "shop"))
	b.apply(t, manifestOf("shop-2", b.ref("v1"), "shop"))
	b.kubectl(t, strings.ReplaceAll(deploymentManifest, "NAME", "shop"), "apply", "-f", "-")
	c, addr, _ := b.editor(t, "deploy/shop", "-n", "default", "-c", "app")
	if want := "deployment/shop has the pods shop-1, shop-2: the first is debugged"; !strings.Contains(c.stderr.String(), want) {
		t.Errorf("dlvgen does not say %q", want)
	}
	answer := hits(t, addr, b.page(t, "shop-1"))
	c.end(t, syscall.SIGHUP, cli.ExitOK)
	<-answer
	b.runsOn(t, 1, "shop-1")
	b.runsOn(t, 0, "shop-2")
}

// learns debugs a program whose group only a file of its image tells, as in distroless images.
func (b *podBench) learns(t *testing.T) {
	b.change(t, "Dockerfile", "USER 65532", "COPY passwd /etc/passwd\nUSER 65532")
	if err := os.WriteFile(filepath.Join(b.folder, "passwd"), []byte("nonroot:x:65532:4321::/:/none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.solve(t, "distroless")
	b.apply(t, manifestOf("distroless", b.ref("distroless"), "distroless"))
	c, addr, _ := b.editor(t, "pod/distroless", "--image", b.ref("v1-debug-sidecar"))
	if want := "the program runs as 65532:4321, and the debugger ran as 65532:0"; !strings.Contains(c.stderr.String(), want) {
		t.Errorf("dlvgen does not say %q", want)
	}
	answer := hits(t, addr, b.page(t, "distroless"))
	c.end(t, syscall.SIGINT, cli.ExitOK)
	<-answer
	b.runsOn(t, 2, "distroless")
}

// makesForPod builds and derives the debugger of a pod whose image has none.
func (b *podBench) makesForPod(t *testing.T) {
	if r := b.call(t, "pod/distroless"); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "dlvgen debug --derive") {
		t.Errorf("without a debugger: exit code %d\n%s", r.code, r.stderr)
	}
	for _, flags := range [][]string{{"--build=" + b.folder}, {"--derive", "--source", b.folder}} {
		c, addr, _ := b.editor(t, append([]string{"pod/distroless"}, flags...)...)
		if want := "the debug image is " + b.reg.Ref("debug/hello") + "@sha256:"; !strings.Contains(c.stderr.String(), want) || !strings.Contains(c.stderr.String(), ": it was built just now") {
			t.Errorf("%q: dlvgen does not say %q", flags, want)
		}
		answer := hits(t, addr, b.page(t, "distroless"))
		c.end(t, syscall.SIGINT, cli.ExitOK)
		<-answer
	}
	b.runsOn(t, 6, "distroless") // two a session: the first finds out whom the program runs as

	b.apply(t, manifestOf("busy", b.ref("distroless"), "busy")+b.besides(8000))
	c, addr, _ := b.editor(t, "pod/busy", "-c", "app", "--build="+b.folder) // at another port
	answer := hits(t, addr, b.page(t, "busy"))
	c.end(t, syscall.SIGINT, cli.ExitOK)
	<-answer
	b.runsOn(t, 2, "busy")
}

// besides is another container of a manifest, which has a port.
func (b *podBench) besides(port int) string {
	return fmt.Sprintf("    - {name: other, image: %q, command: [sleep, \"1000\"], ports: [{containerPort: %d}], securityContext: {runAsUser: 1000}}\n", b.reg.Ref("library/busybox:latest"), port)
}

// change edits a file of the service.
func (b *podBench) change(t *testing.T, name, old, now string) {
	t.Helper()
	path := filepath.Join(b.folder, name)
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), old) {
		err = fmt.Errorf("%s has no %q", name, old)
	}
	if err == nil {
		err = os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, now)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// podHasDebugger has pods of debug images go on.
func (b *podBench) podHasDebugger(t *testing.T) {
	remote := strings.Replace(manifestOf("remote", b.ref("v1-debug"), "remote"), "      ports:", "      env: [{name: DLVGEN_START, value: continue}]\n      ports:", 1)
	b.apply(t, remote)
	b.apply(t, manifestOf("attach", b.ref("v1-debug-attach"), "attach"))
	for name, debuggers := range map[string]int{"remote": 0, "attach": 1} {
		c, addr, _ := b.editor(t, "pod/"+name)
		answer := hits(t, addr, b.page(t, name))
		c.end(t, syscall.SIGINT, cli.ExitOK)
		if got := <-answer; got != "Hello, world!\n" {
			t.Errorf("the page of %s is %q", name, got)
		}
		b.runsOn(t, debuggers, name)
	}
}

// restricted debugs without a capability.
func (b *podBench) restricted(t *testing.T) {
	b.kubectl(t, "", "create", "namespace", "strict")
	b.kubectl(t, "", "label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
	b.apply(t, manifestOf("app", b.ref("v1"), "app"), "-n", "strict")
	c, addr, _ := b.editor(t, "pod/app", "--namespace", "strict")
	if want := "the Pod Security level restricted allows no SYS_PTRACE"; !strings.Contains(c.stderr.String(), want) {
		t.Errorf("dlvgen does not say %q", want)
	}
	answer := hits(t, addr, b.page(t, "app", "-n", "strict"))
	c.end(t, syscall.SIGINT, cli.ExitOK)
	<-answer
	b.runsOn(t, 1, "app", "-n", "strict")
}

// olderProxy has a port forwarded over SPDY.
func (b *podBench) olderProxy(t *testing.T) {
	api, err := url.Parse(b.kubectl(t, "", "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"))
	if err != nil {
		t.Fatal(err)
	}
	var refused atomic.Bool
	proxy := httputil.NewSingleHostReverseProxy(api)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // of this test
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			refused.Store(true)
			http.Error(w, "no WebSocket", http.StatusBadRequest)
			return
		}
		r.Header.Set("Authorization", "Bearer admin-token") // a client sends none without TLS
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	text, err := os.ReadFile(b.cluster.Kubeconfig)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err == nil {
		changed := strings.Replace(string(text), fmt.Sprintf("server: %q, insecure-skip-tls-verify: true", api), fmt.Sprintf("server: %q", server.URL), 1)
		err = os.WriteFile(path, []byte(changed), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.apply(t, manifestOf("older", b.ref("v1"), "older"))
	c, addr, _ := b.editor(t, "pod/older", "--kubeconfig", path)
	answer := hits(t, addr, b.page(t, "older"))
	c.end(t, syscall.SIGINT, cli.ExitOK)
	<-answer
	if !refused.Load() {
		t.Error("dlvgen has not tried a WebSocket")
	}
	b.runsOn(t, 1, "older")
}

// promptInPod has no Delve in PATH.
func (b *podBench) promptInPod(t *testing.T) {
	b.apply(t, manifestOf("prompt", b.ref("v1"), "prompt"))
	other := *b
	other.env = append(slices.Clone(b.env), "PATH=/nonexistent")
	c := other.start(t, "pod/prompt")
	c.says(t, &c.stderr, "the program stands still while the prompt waits")
	c.types(t, "break main.handler")
	c.says(t, &c.stdout, "Breakpoint 1 set at")
	c.types(t, "continue")
	c.says(t, &c.stdout, "> [Breakpoint 1] main.handler() ")
	c.types(t, "exit", "n")
	c.end(t, 0, cli.ExitOK)
	b.runsOn(t, 1, "prompt")
}

func (b *podBench) podRefusals(t *testing.T) {
	busybox := b.reg.Ref("library/busybox:latest")
	sleeping := strings.NewReplacer("runAsNonRoot: true", "runAsUser: 1000", "      ports: [{containerPort: 12345}]", "      command: [sleep, \"1000\"]",
		"      readinessProbe: {httpGet: {port: 12345}, periodSeconds: 1, failureThreshold: 1}\n", "", "      livenessProbe: {httpGet: {port: 12345}, periodSeconds: 1, failureThreshold: 30}\n", "")
	b.apply(t, sleeping.Replace(manifestOf("shell", busybox, "shell")))
	b.apply(t, sleeping.Replace(manifestOf("two", busybox, "two"))+"    - {name: other, image: "+busybox+", command: [sleep, \"1000\"]}\n  initContainers:\n    - {name: first, image: "+busybox+", command: [\"true\"]}\n")
	b.change(t, "main.go", "shutting down", "going down")
	b.solve(t, "v2")
	b.apply(t, manifestOf("newer", b.ref("v2"), "newer"))
	b.kubectl(t, manifestOf("missing", b.ref("none"), "broken"), "apply", "-f", "-")
	b.kubectl(t, strings.Replace(sleeping.Replace(manifestOf("crashing", busybox, "crashing")), "sleep, \"1000\"", "\"false\"", 1), "apply", "-f", "-")
	b.kubectl(t, "", "wait", "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff", "--timeout=120s", "pod/missing")
	b.kubectl(t, "", "wait", "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff", "--timeout=120s", "pod/crashing")
	b.kubectl(t, strings.ReplaceAll(deploymentManifest, "NAME", "broken"), "apply", "-f", "-")
	b.kubectl(t, strings.ReplaceAll(deploymentManifest, "NAME", "empty"), "apply", "-f", "-")
	static := filepath.Join(b.cluster.StaticPods(), "static.yaml")
	if err := os.WriteFile(static, []byte(sleeping.Replace(strings.Replace(manifestOf("static", busybox, "static"), "  nodeName: \"127.0.0.1\"\n", "", 1))), 0o600); err != nil {
		t.Fatal(err)
	}
	b.kubectl(t, "", "wait", "--for=create", "--timeout=60s", "pod/static-"+testenv.KubernetesNode)
	b.roles(t)
	sidecar := []string{"--image", b.ref("v1-debug-sidecar")}
	for _, test := range []struct {
		want string
		args []string
	}{
		{`the kubeconfig has no context "other": there are admin, limited, nowhere`, []string{"pod/app", "--context", "other"}},
		{`the cluster https://127.0.0.1:1, of the context "nowhere", cannot be reached`, []string{"pod/app", "--context", "nowhere"}},
		{"there is no namespace nothing in the cluster of the context \"admin\"", []string{"pod/app", "-n", "nothing"}},
		{"there is no pod ap in the namespace default of the context \"admin\": did you mean app?", []string{"pod/ap"}},
		{"there is no deployment ap in the namespace default", []string{"deploy/ap"}},
		{"deployment/empty has no pods", []string{"deploy/empty"}},
		{"no pod of deployment/broken runs: missing (Pending, ", []string{"deploy/broken"}},
		{"the user limited may not get pods in the namespace default", []string{"pod/app", "--context", "limited"}},
		{"the user reader may not patch pods/ephemeralcontainers in the namespace default", []string{"pod/app", "--kubeconfig", b.kubeconfigOf(t, "reader")}},
		{"you may not create pods/portforward in the namespace default", []string{"pod/app", "--kubeconfig", b.kubeconfigOf(t, "adder")}},
		{"the pod two has several containers: choose one with -c: app, other, and the init containers first", []string{"pod/two"}},
		{"the pod two has no container third: there are app, other", []string{"pod/two", "-c", "third"}},
		{"pod/two (first) does not run: it has ended with exit code 0", []string{"pod/two", "-c", "first"}},
		{"pod/crashing does not run: it has ended", []string{"pod/crashing"}},
		{"pod/missing does not run: ", []string{"pod/missing"}},
		{"the pod static-127.0.0.1 is a static pod", []string{"pod/static-" + testenv.KubernetesNode}},
		{"there is no sidecar image of " + busybox, []string{"pod/shell"}},
		{"pod/shell runs no Go program", append([]string{"pod/shell"}, sidecar...)},
		{"they belong to ", append([]string{"pod/newer"}, sidecar...)},
		{"name the program's user with --user UID:GID", append([]string{"pod/app", "--user", "0"}, sidecar...)},
		{"the kernel forbids the debugger to attach to the program of pod/app", append([]string{"pod/app", "--user", "1234:1234"}, sidecar...)},
		{"--replace would change the workload of pod/app", []string{"pod/app", "--replace"}},
		{"is a debug image of the kind remote", []string{"pod/app", "--image", b.ref("v1-debug")}},
		{"--start is for a program that is started", []string{"pod/app", "--start", "hold"}},
		{"cronjob/x has no pods of its own", []string{"cj/x"}},
	} {
		r := b.call(t, test.args...)
		if r.code != cli.ExitFailure || r.stdout != "" || !strings.Contains(r.stderr, test.want) {
			t.Errorf("%q: exit code %d, stdout %q, stderr lacks %q:\n%s", test.args, r.code, r.stdout, test.want, r.stderr)
		}
	}
	b.podDryRun(t)
	answers(t, b.page(t, "app"))
}

// roles lets the user reader read pods, and adder add containers to them too.
func (b *podBench) roles(t *testing.T) {
	t.Helper()
	b.kubectl(t, "", "create", "role", "reader", "--verb=get,list", "--resource=pods")
	b.kubectl(t, "", "create", "role", "adder", "--verb=patch", "--resource=pods/ephemeralcontainers")
	b.kubectl(t, "", "create", "role", "forwarder", "--verb=create", "--resource=pods/portforward")
	for role, users := range map[string][]string{"reader": {"reader", "adder"}, "adder": {"adder"}, "forwarder": {"reader"}} {
		for _, user := range users {
			b.kubectl(t, "", "create", "rolebinding", role+"-"+user, "--role="+role, "--user="+user)
		}
	}
}

// kubeconfigOf has the admin be another user.
func (b *podBench) kubeconfigOf(t *testing.T, user string) string {
	t.Helper()
	text, err := os.ReadFile(b.cluster.Kubeconfig)
	path := filepath.Join(t.TempDir(), user)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(text), "token: admin-token", "token: admin-token, as: "+user, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// podDryRun prints the commands of kubectl, which start nothing.
func (b *podBench) podDryRun(t *testing.T) {
	before := len(b.pod(t, "app").Spec.EphemeralContainers)
	r := b.call(t, "pod/app", "-n", "default", "--dry-run")
	for _, want := range []string{
		"kubectl -n default debug app -c dlvgen-debug --target=app --image=", " --profile=general --custom=<(echo '{",
		`"securityContext":{"runAsUser":65532,"capabilities":{"add":["SYS_PTRACE"]}}`, "kubectl -n default port-forward pod/app 8000:8000\n", "dlv connect 127.0.0.1:8000",
	} {
		if r.code != cli.ExitOK || !strings.Contains(r.stdout, want) {
			t.Errorf("exit code %d, stdout lacks %q:\n%s%s", r.code, want, r.stdout, r.stderr)
		}
	}
	if after := len(b.pod(t, "app").Spec.EphemeralContainers); after != before {
		t.Errorf("a dry run has added %d containers", after-before)
	}
}

// ownKind is a kind of another group, of which the manifests have one.
const ownKind = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: deployments.serving.example}
spec:
  group: serving.example
  scope: Namespaced
  names: {plural: deployments, singular: deployment, kind: Deployment}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`

// accepts has the API check what `dlvgen kube` makes of the manifests of its own tests.
func (b *podBench) accepts(t *testing.T) {
	names, err := filepath.Glob("../kubernetes/testdata/*.txtar")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d manifests, %v, want 20", len(names), err)
	}
	b.kubectl(t, "", "create", "namespace", "prod")
	b.kubectl(t, ownKind, "apply", "-f", "-")
	b.kubectl(t, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/deployments.serving.example")
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "out.yaml" })
		if i < 0 {
			t.Fatalf("%s has no out.yaml", name)
		}
		if _, err := b.cluster.Kubectl(proctest.Context(t), string(archive.Files[i].Data), "-n", "prod", "apply", "--dry-run=server", "-f", "-"); err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
	}
}

// traces has a call of production's own binary printed.
func (b *podBench) traces(t *testing.T) {
	b.apply(t, manifestOf("traced", b.ref("v1"), "traced"))
	c := b.start(t, "pod/traced", "--trace", "main.handler", "--count", "1")
	c.says(t, &c.stderr, "tracing main.handler of ")
	answers(t, b.page(t, "traced"))
	c.end(t, 0, cli.ExitOK)
	if out := c.stdout.String(); strings.Count(out, ": main.handler(w = ") != 1 || !strings.Contains(out, ": main.handler returned ") {
		t.Errorf("the calls are\n%s", out)
	}
	b.runsOn(t, 1, "traced")
}

// completes has kubectl ask its plugin how command lines go on.
func (b *podBench) completes(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plugins := t.TempDir()
	for _, name := range []string{"kubectl-dlvgen", "kubectl_complete-dlvgen"} {
		if err := os.Symlink(self, filepath.Join(plugins, name)); err != nil {
			t.Fatal(err)
		}
	}
	b.kubectl(t, strings.ReplaceAll(deploymentManifest, "NAME", "completed"), "apply", "-f", "-")
	for line, want := range map[string]string{
		"debug pod/ap":                          "pod/app",
		"debug deploy/compl":                    "deploy/completed",
		"debug pod/app -n kube-sys":             "kube-system",
		"debug pod/app -c ":                     "app",
		"debug pod/app -n kube-system -c ":      "",
		"debug -n kube-system pod/ap":           "",
		"debug --kubeconfig /nonexistent po/ap": "",
	} {
		words := strings.Split(line, " ")
		cmd := exec.CommandContext(proctest.Context(t), filepath.Join(os.Getenv(testenv.KubernetesPrograms), "kubectl"), append([]string{"__complete", "dlvgen"}, words...)...)
		cmd.Env = slices.Concat(b.env, []string{"PATH=" + plugins + ":" + os.Getenv("PATH")})
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		var offered []string
		for one := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(one), "\t")
			if last := words[len(words)-1]; strings.HasPrefix(word, last) && !strings.HasPrefix(word, ":") {
				offered = append(offered, word)
			}
		}
		if got := strings.Join(offered, " "); got != want {
			t.Errorf("kubectl dlvgen %s: offered are %q, want %q, of\n%s", line, got, want, out)
		}
	}
}
