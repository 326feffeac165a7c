//go:build linux && !race

package cli_test

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// examines checks pods of which some can be debugged, and adds no container to any.
func (b *podBench) examines(t *testing.T) {
	before := len(b.pod(t, "app").Spec.EphemeralContainers)
	b.kubectl(t, "{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{port: 12345}]}}", "apply", "-f", "-")
	b.apply(t, manifestOf("taken", b.ref("v1"), "taken")+b.besides(8000))
	admin := []string{"--kubeconfig", b.cluster.Kubeconfig}
	with := func(target string, flags ...string) *examined {
		t.Helper()
		return examine(t, append(append([]string{target}, admin...), flags...)...)
	}

	e := with("pod/app")
	e.has(t, "cluster", "ok", "Kubernetes v", `the context "admin", the namespace default`)
	e.has(t, "permissions", "ok", "you may do what debugging needs in the namespace default")
	e.has(t, "target", "ok", "pod/app is a container of the production image "+b.ref("v1"))
	e.has(t, "platform", "ok", "the node "+testenv.KubernetesNode+" is linux/")
	e.has(t, "debugger", "ok", "into pod/app as the user 65532, with the capability SYS_PTRACE")
	e.has(t, "program", "ok", "optimized and without debug information")
	e.has(t, "debug images", "ok", "sidecar: ")
	e.has(t, "symbols", "ok", "are of the program of pod/app")
	e.has(t, "ptrace_scope", "skipped", "the pod's node has its own")
	e = with("pod/app", "--local", b.folder) // which has changed since
	e.has(t, "sources", "failed", "main.go")
	if e.code != cli.ExitFailure {
		t.Errorf("exit code %d", e.code)
	}

	e = with("pod/newer") // whose debug images nobody has made
	e.has(t, "debug images", "warning", "has no debug image")
	e.has(t, "debugger", "skipped", "there is no sidecar of ")
	e = with("pod/remote")
	e.has(t, "debugger", "ok", "has a debugger of its own")
	e = with("pod/attach")
	e.has(t, "debugger", "ok", "the cluster lets a debugger into pod/attach")
	e = with("pod/app", "-n", "strict")
	e.has(t, "debugger", "warning", "as the user 65532, without the capability SYS_PTRACE", "the Pod Security level restricted allows no SYS_PTRACE")
	b.forbidCapabilities(t, "ruled")
	b.apply(t, manifestOf("app", b.ref("v1"), "app"), "-n", "ruled")
	for e = with("pod/app", "-n", "ruled"); !e.found("debugger", "warning"); e = with("pod/app", "-n", "ruled") {
		if proctest.Context(t).Err() != nil { // the cluster needs some time to learn a rule
			t.Fatal("the cluster does not follow its rule")
		}
	}
	e.has(t, "debugger", "warning", "as the user 65532", "without the capability SYS_PTRACE", "a rule of the cluster allows no SYS_PTRACE")
	e = with("pod/missing")
	e.has(t, "target", "failed", "it does not run: ", " describe pod/missing`")
	e.has(t, "debugger", "skipped", "pod/missing does not run")
	e = with("pod/two")
	e.has(t, "target", "failed", "the pod two has several containers: choose one with -c")
	e.has(t, "sources", "skipped", "the target was not found")
	e = with("pod/two", "-c", "other")
	e.has(t, "program", "warning", "starts no Go program", "/bin/sleep")
	e = with("pod/two", "-c", "first") // which has ended
	e.has(t, "debugger", "skipped", "does not run")
	e = with("svc/shop")
	e.has(t, "permissions", "ok")
	e.has(t, "target", "ok", "pod/shop-1 is a container of the production image "+b.ref("v1"), "service/shop has the pods shop-1, shop-2: the first is debugged")
	e = with("pod/taken", "-c", "app")
	e.has(t, "debugger", "failed", "the container other of the pod taken has the port 8000, at which the debugger would listen", "The containers of a pod share its network.")
	e = with("pod/ap")
	e.has(t, "target", "failed", "did you mean app?", " --kubeconfig "+b.cluster.Kubeconfig+" get pods`")
	e = with("pod/app", "--context", "nowhere")
	e.has(t, "cluster", "failed", `of the context "nowhere", cannot be reached`)
	e = with("pod/app", "--context", "limited")
	e.has(t, "permissions", "failed", "get pods, to look at the pod", "patch pods/ephemeralcontainers, to add the debugger", "create role dlvgen-debug")
	e.has(t, "target", "failed", "the user limited may not get pods", "create rolebinding dlvgen-debug --role=dlvgen-debug --user=limited")

	e = examine(t, "pod/app", "--kubeconfig", b.kubeconfigOf(t, "reader"))
	e.has(t, "permissions", "failed", "patch pods/ephemeralcontainers, to add the debugger", "get pods/log, to say why")
	e.has(t, "debugger", "failed", "the user reader may not patch pods/ephemeralcontainers")
	e.has(t, "platform", "skipped", "the node "+testenv.KubernetesNode+" does not tell its platform")
	if after := len(b.pod(t, "app").Spec.EphemeralContainers); after != before {
		t.Errorf("the checks have added %d containers", after-before)
	}
}

// forbidCapabilities makes a namespace where a rule lets no debugger have a capability.
func (b *podBench) forbidCapabilities(t *testing.T, namespace string) {
	t.Helper()
	b.kubectl(t, "", "create", "namespace", namespace)
	b.kubectl(t, strings.ReplaceAll(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAME}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [pods/ephemeralcontainers]}]
  validations:
    - expression: "!object.spec.ephemeralContainers.exists(c, c.?securityContext.capabilities.add.orValue([]).size() > 0)"
      message: no capabilities here
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAME}
spec:
  policyName: NAME
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAME}}}
`, "NAME", namespace), "apply", "-f", "-")
}
