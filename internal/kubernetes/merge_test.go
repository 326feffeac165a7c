package kubernetes_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/kubernetes"
)

// changed is what becomes of manifests when their containers are debugged, twice.
func changed(t *testing.T, text, kind string) string {
	t.Helper()
	for range 2 {
		m, workloads := read(t, text)
		for _, w := range workloads {
			for _, c := range w.Containers() {
				if !strings.HasPrefix(c.Name, "app") {
					continue
				}
				if _, err := w.Debug(c.Name, images[kind], kubernetes.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Apply(); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := m.Write(&out); err != nil {
			t.Fatal(err)
		}
		text = out.String()
	}
	return text
}

// TestElementsOfTheSameKeyStay has lists that Kubernetes takes, and for which merges of YAML
// make elements alike.
func TestElementsOfTheSameKeyStay(t *testing.T) {
	const spec = `
  topologySpreadConstraints:
  - {topologyKey: zone, whenUnsatisfiable: DoNotSchedule, maxSkew: 1}
  - {topologyKey: zone, whenUnsatisfiable: DoNotSchedule, maxSkew: 2}
  securityContext:
  containers:
  - name: app
    image: IMAGE
    ports:
    - {name: http, containerPort: 8080}
    - {name: metrics, containerPort: 8080}
    env: [{name: A, value: a}, {name: A, value: b}CHANGE]
  - image: of no name
  - name: b
    image: y
    env: [{name: A, value: a}, {name: A, value: b}]
`
	got := changed(t, pod(strings.NewReplacer("IMAGE", "x", "CHANGE", "").Replace(spec)), "remote")
	want := pod(strings.NewReplacer("IMAGE", images["remote"].Ref, "CHANGE", ", {name: DLVGEN_START, value: continue}").Replace(spec))
	want = strings.Replace(want, "metrics, containerPort: 8080}\n", "metrics, containerPort: 8080}\n    - name: dlvgen\n      containerPort: 8000\n      protocol: TCP\n", 1)
	want = strings.Replace(want, "spec: \n", "spec:\n", 1)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestThePortOfAnotherBuildIsReplaced(t *testing.T) {
	for _, port := range []string{"{name: dlvgen, containerPort: 8000}", "{name: dlvgen, containerPort: 9000, protocol: TCP}", "{containerPort: 8000, name: dlvgen, protocol: TCP}"} {
		got := changed(t, pod("{containers: [{name: app, image: x, ports: ["+port+"]}]}"), "remote")
		if strings.Count(got, "containerPort: 8000") != 1 || strings.Count(got, "containerPort") != 1 || strings.Count(got, "name: dlvgen") != 1 {
			t.Errorf("%s: got\n%s", port, got)
		}
	}
}

func TestASidecarGetsNoSidecar(t *testing.T) {
	got := changed(t, pod("{containers: [{name: app, image: x}]}"), "sidecar")
	if strings.Count(got, "name: app") != 2 || strings.Count(got, images["sidecar"].Ref) != 1 || !strings.Contains(got, "{name: app, image: x}") {
		t.Errorf("got\n%s", got)
	}
}

func TestAStartFromElsewhereIsNotMixed(t *testing.T) {
	_, workloads := read(t, pod("{containers: [{name: app, env: [{name: DLVGEN_START, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}]}"))
	if _, err := workloads[0].Debug("app", images["remote"], kubernetes.Options{Start: "hold"}); err == nil || !strings.Contains(err.Error(), "has DLVGEN_START from elsewhere (valueFrom): leave out --start") {
		t.Errorf("the error is %v", err)
	}
	if _, err := workloads[0].Debug("app", images["remote"], kubernetes.Options{}); err != nil {
		t.Error(err)
	}
}
