package kubernetes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/kubernetes"
	"github.com/dlvgen/dlvgen/variants"
)

func pod(spec string) string { return "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: " + spec }

func TestWhatCannotBeDebuggedIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		spec  string
		image string
		err   string // of debugging app
		warns string
	}{
		"a command": {"{containers: [{name: app, image: app, command: [/app]}]}", "remote",
			"container app of Pod a has a command, which would start the program without the debugger: build registry.example/app:v1-debug@sha256:1111 with --entry=inplace", ""},
		"a command, in place":                      {"{containers: [{name: app, image: app, command: [/app]}]}", "inplace", "", ""},
		"arguments":                                {"{containers: [{name: app, image: app, args: [a]}]}", "remote", "", ""},
		"the port of another":                      {"{containers: [{name: app}, {name: b, ports: [{containerPort: 8000}]}]}", "remote", "container b of Pod a has the port 8000, where the debugger", ""},
		"the port of another, UDP":                 {"{containers: [{name: app}, {name: b, ports: [{containerPort: 8000, protocol: UDP}]}]}", "remote", "", ""},
		"no such container":                        {"{containers: [{name: b}]}", "remote", "Pod a has no container app", ""},
		"no user for a sidecar":                    {"{containers: [{name: app, securityContext: {runAsNonRoot: true}}]}", "sidecar", "has runAsNonRoot and no runAsUser, so the sidecar needs the UID of the program: add --user UID", ""},
		"no user, as the container says":           {"{securityContext: {runAsNonRoot: true}, containers: [{name: app, securityContext: {runAsNonRoot: false}}]}", "sidecar", "", ""},
		"a sidecar of what has ended":              {"{initContainers: [{name: app}]}", "sidecar", "is an init container, and has ended when its sidecar starts: choose the variant remote", ""},
		"a container with the name of the sidecar": {"{containers: [{name: app}, {name: app-debug, image: mine}]}", "sidecar", "Pod a has a container app-debug, which is the name of the sidecar of app: rename it", ""},
		"the network of the node":                  {"{hostNetwork: true, containers: [{name: app}]}", "remote", "", "whoever reaches the node reaches the debugger"},
		"the node's loopback":                      {"{hostNetwork: true, containers: [{name: app}]}", "inplace", "", ""},
	} {
		_, workloads := read(t, pod(tc.spec))
		warnings, err := workloads[0].Debug("app", images[tc.image], kubernetes.Options{})
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: the error is %v, want %q", name, err, tc.err)
		}
		if got := strings.Join(warnings, "; "); (got == "") != (tc.warns == "") || !strings.Contains(got, tc.warns) {
			t.Errorf("%s: the warnings are %q, want %q", name, got, tc.warns)
		}
		if err != nil && workloads[0].Changed() {
			t.Errorf("%s: it is changed all the same", name)
		}
	}
}

func TestTwoDebuggersOfAPodNeedTwoPorts(t *testing.T) {
	_, workloads := read(t, pod("{containers: [{name: app}, {name: b}, {name: c}]}"))
	other := images["remote"]
	other.Listen = ":8001"
	for _, step := range []struct {
		name  string
		image kubernetes.Image
		err   string
	}{{"app", images["remote"], ""}, {"b", other, ""}, {"c", images["inplace"], "two debuggers of Pod a would listen on port 8000, of app and registry.example/app:v1-debug@sha256:1111: choose a container with -c"}} {
		if _, err := workloads[0].Debug(step.name, step.image, kubernetes.Options{}); (err == nil) != (step.err == "") || err != nil && err.Error() != step.err {
			t.Errorf("%s: %v, want %q", step.name, err, step.err)
		}
	}
}

func TestWhatIsNoManifestIsRefused(t *testing.T) {
	bomb := "a0: &a0 [x, y, z]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("a%d: &a%[1]d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for text, want := range map[string]string{
		"a: {{ .Values.a }}\n{{- if .b }}\n": "x is a template: render it first",
		"a: [":                               "reading x: yaml: line 1",
		"- a\n":                              "x: a document is no object: each needs apiVersion and kind",
		"a: &a [*a]\n":                       "reading x: yaml: anchor 'a' value contains itself",
		bomb:                                 "reading x: yaml: document contains excessive aliasing",
		pod("{containers: 1}"):               "x: Pod a: yaml: unmarshal errors",
		pod("[]"):                            "x: Pod a: ",
	} {
		m, err := kubernetes.Read(strings.NewReader(text), "x")
		if err == nil {
			_, err = m.Workloads()
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"", "---\n# nothing\n---\n", "apiVersion: v1\nkind: Service\n", "kind: Pod\n"} {
		if _, workloads := read(t, text); len(workloads) != 0 {
			t.Errorf("%q has workloads", text)
		}
	}
}

func TestAProfileForAnEphemeralSidecar(t *testing.T) {
	_, workloads := read(t, pod("{containers: [{name: app, securityContext: {runAsUser: 7}}, {name: b}, {name: restricted, securityContext: {runAsUser: 9}}]}"))
	user, group := int64(0), int64(8)
	for name, tc := range map[string]struct {
		options kubernetes.Options
		want    string
	}{
		"app":        {want: `{"securityContext":{"runAsUser":7,"capabilities":{"add":["SYS_PTRACE"]}}}`},
		"b":          {kubernetes.Options{User: &user}, `{"securityContext":{"runAsUser":0,"capabilities":{"add":["SYS_PTRACE"]}}}`},
		"restricted": {kubernetes.Options{Group: &group, Restricted: true}, `{"securityContext":{"runAsUser":9,"runAsGroup":8,"capabilities":{"drop":["ALL"]},"runAsNonRoot":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}}`},
	} {
		if got, err := workloads[0].Profile(name, tc.options); err != nil || string(got) != tc.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, tc.want)
		}
	}
}

func TestAComponentHasAFileForEachWorkload(t *testing.T) {
	for name, tc := range map[string]struct{ text, err string }{
		"a name that leads elsewhere": {"kind: Pod\napiVersion: v1\nmetadata: {name: ../a}\nspec: {containers: [{name: app}]}\n", `Pod "../a" has no name that Kubernetes takes`},
		"no name":                     {"kind: Pod\napiVersion: v1\nmetadata: {generateName: a-}\nspec: {containers: [{name: app}]}\n", `Pod "" has no name`},
		"twice":                       {pod("{containers: [{name: app}]}") + "\n---\n" + pod("{containers: [{name: app}]}"), "Pod a is defined twice"},
	} {
		_, workloads := read(t, tc.text)
		for _, w := range workloads {
			if _, err := w.Debug("app", kubernetes.Image{Kind: variants.KindAttach}, kubernetes.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := kubernetes.Component(workloads...); err == nil || !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %v, want %q", name, err, tc.err)
		}
	}
}
