package testenv

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// KubernetesPrograms in the environment names a folder with kubelet, kube-apiserver, kubectl and
// etcd, which `make test-kubernetes` builds: as much work as all tests take.
const KubernetesPrograms = "DLVGEN_TEST_KUBERNETES"

// KubernetesNode is the name of the only node. No scheduler runs: pods name it. It is an address
// by which the API finds the node, which reports no loopback address otherwise.
const KubernetesNode = "127.0.0.1"

// Kubernetes is a cluster of one node of this machine, whose servers listen on free ports of the
// loopback address. No controllers run. It is without service accounts: pods must have
// automountServiceAccountToken: false.
type Kubernetes struct {
	// Kubeconfig has the contexts "admin", "limited" for a user without any role, and "nowhere"
	// for a cluster that does not answer.
	Kubeconfig string

	programs, dir string
	daemons       []*process // in the order in which they were started
	bridge        *bridge
	server        string
	kubelet       int // its port
}

// StartKubernetes starts a cluster that pulls from a registry over plain HTTP. It needs root,
// containerd, runc and the CNI plugins of Debian.
func StartKubernetes(ctx context.Context, reg *Registry, programs string) (*Kubernetes, error) {
	// Short, because of the 108 bytes that a unix socket's path may have.
	dir, err := os.MkdirTemp("", "dlvgen-kube-*")
	if err != nil {
		return nil, fmt.Errorf("starting Kubernetes: %w", err)
	}
	k := &Kubernetes{Kubeconfig: filepath.Join(dir, "kubeconfig"), programs: programs, dir: dir}
	for _, step := range []func(context.Context, *Registry) error{k.startAPI, k.startContainerd, k.startKubelet} {
		if err := step(ctx, reg); err != nil {
			return nil, errors.Join(fmt.Errorf("starting Kubernetes: %w", err), k.Close())
		}
	}
	return k, nil
}

// start starts one of its servers.
func (k *Kubernetes) start(ctx context.Context, cmd *exec.Cmd, ready func(context.Context) error) error {
	p, err := startProcess(filepath.Base(cmd.Path), cmd)
	if err != nil {
		return err
	}
	k.daemons = append(k.daemons, p)
	return p.waitReady(ctx, ready)
}

func (k *Kubernetes) write(name, text string) (string, error) {
	path := filepath.Join(k.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// startAPI starts etcd and the API.
func (k *Kubernetes) startAPI(ctx context.Context, _ *Registry) error {
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	k.kubelet = ports[3]
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	peer := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	if err := k.start(ctx, exec.Command(filepath.Join(k.programs, "etcd"), "--data-dir", filepath.Join(k.dir, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer,
	), func(ctx context.Context) error { _, err := Get(ctx, etcd+"/readyz"); return err }); err != nil {
		return err
	}
	k.server = fmt.Sprintf("https://127.0.0.1:%d", ports[2])
	key, err := k.serviceAccountKey()
	if err != nil {
		return err
	}
	tokens, err := k.write("tokens.csv", "admin-token,admin,1,system:masters\nlimited-token,limited,2\n")
	if err == nil {
		_, err = k.write("kubeconfig", k.kubeconfig())
	}
	if err != nil {
		return err
	}
	return k.start(ctx, exec.Command(filepath.Join(k.programs, "kube-apiserver"), "--etcd-servers="+etcd, "--service-cluster-ip-range=10.96.0.0/16",
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]), "--cert-dir="+filepath.Join(k.dir, "certificates"),
		"--token-auth-file="+tokens, "--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+key, "--service-account-signing-key-file="+key, "--disable-admission-plugins=ServiceAccount",
		"--allow-privileged", "--kubelet-preferred-address-types=Hostname",
	), func(ctx context.Context) error { _, err := k.Kubectl(ctx, "", "get", "--raw=/readyz"); return err })
}

// serviceAccountKey writes the key that the API demands, and signs nothing with.
func (k *Kubernetes) serviceAccountKey() (string, error) {
	const bits = 2048
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return k.write("service-account.key", string(text))
}

func (k *Kubernetes) kubeconfig() string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
  - {name: test, cluster: {server: %q, insecure-skip-tls-verify: true}}
  - {name: nowhere, cluster: {server: "https://127.0.0.1:1", insecure-skip-tls-verify: true}}
users:
  - {name: admin, user: {token: admin-token}}
  - {name: limited, user: {token: limited-token}}
contexts:
  - {name: admin, context: {cluster: test, user: admin}}
  - {name: limited, context: {cluster: test, user: limited}}
  - {name: nowhere, context: {cluster: nowhere, user: admin}}
current-context: admin
`, k.server)
}

// pauseImage is what a pod begins with.
const pauseImage = "kubernetes/pause:1"

// startContainerd starts the runtime of containers, with a network of its own.
func (k *Kubernetes) startContainerd(ctx context.Context, reg *Registry) error {
	if err := pushPause(ctx, reg); err != nil {
		return err
	}
	network, err := k.network()
	if err != nil {
		return err
	}
	socket := filepath.Join(k.dir, "containerd.sock")
	config, err := k.write("containerd.toml", fmt.Sprintf(`version = 2
root = %q
state = %q
[grpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors.%q]
    endpoint = ["http://%s"]
`, filepath.Join(k.dir, "containerd"), filepath.Join(k.dir, "containerd-state"), socket, reg.Ref(pauseImage), network, reg.Host, reg.Host))
	if err != nil {
		return err
	}
	return k.start(ctx, exec.Command("containerd", "--config", config), func(context.Context) error { return dialUnix(socket) })
}

// network writes the configuration of a bridge of this process.
func (k *Kubernetes) network() (folder string, err error) {
	if k.bridge, err = newBridge(); err != nil {
		return "", err
	}
	folder = filepath.Join(k.dir, "cni")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	_, err = k.write("cni/10.conflist", fmt.Sprintf(`{"cniVersion":"0.4.0","name":%q,"plugins":[
{"type":"bridge","bridge":%[1]q,"isGateway":true,"ipMasq":false,"ipam":{"type":"host-local","dataDir":%q,"ranges":[[{"subnet":%q}]],"routes":[{"dst":"0.0.0.0/0"}]}},
{"type":"loopback"}]}`, k.bridge.name, filepath.Join(k.dir, "addresses"), k.bridge.prefix.Masked().String()))
	return folder, err
}

// pushPause makes the image of a pod's first container, which waits.
func pushPause(ctx context.Context, reg *Registry) error {
	ref, err := name.ParseReference(reg.Ref("library/busybox:latest"), name.Insecure)
	if err != nil {
		return err
	}
	img, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	waits := config.Config
	waits.Entrypoint, waits.Cmd = []string{"tail", "-f", "/dev/null"}, nil
	if img, err = mutate.Config(img, waits); err == nil {
		_, err = reg.Push(ctx, pauseImage, img)
	}
	return err
}

// startKubelet starts the node, and waits until pods may run on it.
func (k *Kubernetes) startKubelet(ctx context.Context, _ *Registry) error {
	config, err := k.write("kubelet.yaml", fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
address: 127.0.0.1
port: %d
healthzPort: 0
cgroupDriver: cgroupfs
failSwapOn: false
failCgroupV1: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
containerRuntimeEndpoint: "unix://%s"
clusterDNS: [10.96.0.10]
resolvConf: /etc/resolv.conf
evictionHard: {nodefs.available: "0%%", imagefs.available: "0%%"}
localStorageCapacityIsolation: false
staticPodPath: %q
fileCheckFrequency: 1s
`, k.kubelet, filepath.Join(k.dir, "containerd.sock"), k.StaticPods()))
	if err == nil {
		err = os.Mkdir(k.StaticPods(), 0o700)
	}
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(k.programs, "kubelet"), "--config", config, "--kubeconfig", k.Kubeconfig, "--root-dir", filepath.Join(k.dir, "kubelet"), "--hostname-override="+KubernetesNode)
	return k.start(ctx, cmd, func(ctx context.Context) error {
		out, err := k.Kubectl(ctx, "", "get", "node", KubernetesNode, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		if err == nil && out != "True" {
			err = fmt.Errorf("the node is ready: %q", out)
		}
		return err
	})
}

// StaticPods is the folder from which the node makes pods of its own.
func (k *Kubernetes) StaticPods() string { return filepath.Join(k.dir, "static") }

// Kubectl runs kubectl with a text on its stdin, and returns what it printed.
func (k *Kubernetes) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(k.programs, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+k.Kubeconfig, "KUBECACHEDIR="+filepath.Join(k.dir, "kubectl"))
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// Restart kills the API and starts it again at the same address: every connection breaks. Asked
// to end, it would wait for them.
func (k *Kubernetes) Restart(ctx context.Context) error {
	const api = 1 // after etcd
	old := k.daemons[api]
	if err := old.cmd.Process.Kill(); err != nil {
		return err
	}
	<-old.done
	cmd := exec.Command(old.cmd.Path, old.cmd.Args[1:]...)
	p, err := startProcess(old.name, cmd)
	if err != nil {
		return err
	}
	k.daemons[api] = p
	return p.waitReady(ctx, func(ctx context.Context) error { _, err := k.Kubectl(ctx, "", "get", "--raw=/readyz"); return err })
}

// closeWithin is how long the pods may take to end.
const closeWithin = time.Minute

// Close ends the pods and the servers, and deletes their state.
func (k *Kubernetes) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	var errs []error
	const all = 4
	if len(k.daemons) == all {
		files, _ := filepath.Glob(filepath.Join(k.StaticPods(), "*"))
		for _, file := range files {
			errs = append(errs, os.Remove(file))
		}
		_, err := k.Kubectl(ctx, "", "delete", "pods", "--all", "--all-namespaces", "--grace-period=1")
		errs = append(errs, err, k.emptied(ctx))
	}
	for _, p := range slices.Backward(k.daemons) {
		errs = append(errs, p.stop())
	}
	if k.bridge != nil {
		errs = append(errs, k.bridge.remove())
	}
	errs = append(errs, unmountBelow(k.dir))
	return errors.Join(append(errs, os.RemoveAll(k.dir))...)
}

// emptied waits until no container is left: containerd leaves running ones behind.
func (k *Kubernetes) emptied(ctx context.Context) error {
	for {
		out, err := output(ctx, "/", nil, "ctr", "--address", filepath.Join(k.dir, "containerd.sock"), "--namespace", "k8s.io", "tasks", "list", "--quiet")
		if err == nil && strings.TrimSpace(out) == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("containers of Kubernetes are left: %s", strings.Fields(out)), err)
		case <-time.After(lockPoll):
		}
	}
}

// unmountBelow unmounts what is mounted below a folder: containers that were killed leave it.
func unmountBelow(dir string) error {
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var errs []error
	for _, line := range slices.Backward(strings.Split(string(table), "\n")) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			errs = append(errs, unmount(fields[1]))
		}
	}
	return errors.Join(errs...)
}

// freePorts are ports of the loopback address that nobody listens at.
func freePorts(n int) (ports []int, err error) {
	var listeners []net.Listener // all at once, so that no two are the same
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, listener)
		addr, ok := listener.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("%s has no port", listener.Addr())
		}
		ports = append(ports, addr.Port)
	}
	return ports, nil
}
