package cluster

import (
	"cmp"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRefusalsOfAClusterAreExplained(t *testing.T) {
	c := &Cluster{Server: "https://cluster"}
	const missing = `pods "app" is forbidden: User "dev" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace "shop"`
	for _, test := range []struct {
		code            int32
		text            string
		is, ofADebugger string
	}{
		{403, missing, "the user dev may not patch pods/ephemeralcontainers in the namespace shop: a role with the verb patch on the resource pods/ephemeralcontainers is missing", ""},
		{403, `nodes "n" is forbidden: User "dev" cannot get resource "nodes" in API group "" at the cluster scope`,
			"the user dev may not get nodes in the cluster: a role with the verb get on the resource nodes is missing", ""},
		{403, `forbidden: User "dev" cannot get path "/version"`, `the cluster https://cluster refuses it: forbidden: User "dev" cannot get path "/version"`,
			`a rule of the cluster refuses the debugger's container: forbidden: User "dev" cannot get path "/version"`},
		{403, `pods "app" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "d" must not include)`,
			`the cluster https://cluster refuses it: pods "app" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "d" must not include)`,
			`the Pod Security level restricted of the namespace refuses the debugger's container: unrestricted capabilities (container "d" must not include)`},
		{403, `pods "app" is forbidden: the image is not signed`, `the cluster https://cluster refuses it: pods "app" is forbidden: the image is not signed`,
			"a rule of the cluster refuses the debugger's container: the image is not signed"},
		{422, `admission webhook "w" denied the request: no`, `admission webhook "w" denied the request: no`, `a rule of the cluster refuses the debugger's container: admission webhook "w" denied the request: no`},
		{400, `admission webhook "w" denied the request: no`, `admission webhook "w" denied the request: no`, `a rule of the cluster refuses the debugger's container: admission webhook "w" denied the request: no`},
		{500, "failed calling webhook", "failed calling webhook", ""},
	} {
		status := metav1.Status{Code: test.code, Message: test.text}
		if test.code == 403 {
			status.Reason = metav1.StatusReasonForbidden
		}
		err := c.explain(&apierrors.StatusError{ErrStatus: status})
		if got := err.Error(); got != test.is {
			t.Errorf("%s\ngot  %s\nwant %s", test.text, got, test.is)
		}
		if got := policy(err).Error(); got != cmp.Or(test.ofADebugger, test.is) {
			t.Errorf("%s, of a debugger\ngot  %s\nwant %s", test.text, got, test.ofADebugger)
		}
	}
}

func TestObjectsAreNamedAsKubectlDoes(t *testing.T) {
	for text, want := range map[string]string{
		"pod/app": "pod/app", "po/app": "pod/app", "deploy/app": "deployment/app", "Deployments/app": "deployment/app",
		"deployment.apps/app": "deployment/app", "sts/app": "statefulset/app", "ds/app": "daemonset/app", "rs/app": "replicaset/app", "job/app": "job/app",
		"cj/app": "cronjob/app", "svc/app": "service/app", "pod/.": "", "pod/..": "", "app": "", "library/app": "", "pod/app:v1": "", "pod/": "", "pod/a/b": "",
	} {
		o, ok := ParseObject(text)
		if ok != (want != "") || ok && o.String() != want {
			t.Errorf("%s is %s, %t, want %q", text, o, ok, want)
		}
	}
}
