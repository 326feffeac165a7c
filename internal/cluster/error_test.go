package cluster

import (
	"errors"
	"testing"
)

func TestRefusalsOfAClusterAreExplained(t *testing.T) {
	for text, want := range map[string]string{
		`pods "app" is forbidden: User "dev" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace "shop"`:  "the user dev may not patch pods/ephemeralcontainers in the namespace shop: a role with the verb patch on the resource pods/ephemeralcontainers is missing",
		`nodes "n" is forbidden: User "dev" cannot get resource "nodes" in API group "" at the cluster scope`:                           "the user dev may not get nodes in the cluster: a role with the verb get on the resource nodes is missing",
		`pods "app" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "d" must not include)`: `the Pod Security level restricted of the namespace refuses the debugger's container: unrestricted capabilities (container "d" must not include)`,
		`pods "app" is forbidden: the image is not signed`:                                                                              "a rule of the cluster refuses the debugger's container: the image is not signed",
	} {
		if got := forbidden(errors.New(text)).Error(); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestObjectsAreNamedAsKubectlDoes(t *testing.T) {
	for text, want := range map[string]string{
		"pod/app": "pod/app", "po/app": "pod/app", "deploy/app": "deployment/app", "Deployments/app": "deployment/app",
		"deployment.apps/app": "deployment/app", "sts/app": "statefulset/app", "ds/app": "daemonset/app", "rs/app": "replicaset/app", "job/app": "job/app",
		"cj/app": "cronjob/app", "app": "", "library/app": "", "pod/app:v1": "", "pod/": "", "pod/a/b": "",
	} {
		o, ok := ParseObject(text)
		if ok != (want != "") || ok && o.String() != want {
			t.Errorf("%s is %s, %t, want %q", text, o, ok, want)
		}
	}
}
