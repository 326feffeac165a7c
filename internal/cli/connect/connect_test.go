package connect_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

// labels are those of a debug image, with changes: an empty value removes a label.
func labels(changes map[string]string) map[string]string {
	all := map[string]string{
		variants.LabelVersion: "1.0.0", variants.LabelVariant: "remote", variants.LabelKind: "remote",
		variants.LabelSources: "excluded", variants.LabelDelve: "1.27.2", variants.LabelGo: "go1.26.8",
		variants.LabelProgram: "/server", variants.LabelModule: "example.com/hello", variants.LabelListen: ":8000",
		variants.LabelPaths: `[{"path":"/go/pkg/mod","kind":"modcache"},{"path":"/src","kind":"module","module":"example.com/hello"},{"path":"/usr/local/go","kind":"goroot"}]`,
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// trimmed are the path rules of a program that was compiled with -trimpath.
const trimmed = `[{"path":"","source":"/go/pkg/mod","kind":"modcache"},{"path":"example.com/hello","source":"/src","kind":"module","module":"example.com/hello"}]`

func image(t *testing.T, changes map[string]string) connect.Image {
	t.Helper()
	i, err := connect.ReadImage("app:v1-debug", labels(changes))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

var home = connect.Local{Module: "/home/me/my app", ModCache: "/home/me/go/pkg/mod", GOROOT: "/usr/local/go"}

// target is a container of the image.
func target(t *testing.T, changes map[string]string) connect.Target {
	t.Helper()
	i := image(t, changes)
	return connect.Target{
		Image: i, Name: "app", Container: "app", PID: 1, Host: "127.0.0.1", Port: 49153,
		Mappings: i.Mappings(home), Workspace: true,
	}
}

func TestLabelsThatAreNotUnderstoodAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"a foreign image": {map[string]string{variants.LabelVersion: ""}, "dlvgen build"},
		"a newer kind":    {map[string]string{variants.LabelKind: "replay"}, `kind="replay": this dlvgen does not know it: use the dlvgen that derived the image, "1.0.0"`},
		"a later format": {map[string]string{variants.LabelFormat: "2", variants.LabelKind: "replay"},
			`format="2": this dlvgen does not know it: use the dlvgen that derived the image, "1.0.0"`},
		"no port":  {map[string]string{variants.LabelListen: "here"}, `listen="here"`},
		"no paths": {map[string]string{variants.LabelPaths: "/src"}, "no list of path rules"},
	} {
		_, err := connect.ReadImage("app:v1", labels(test.changes))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "app:v1 ") {
			t.Errorf("%s: got %v, want %q in it", name, err, test.want)
		}
		var foreign *connect.NotOursError
		if got := errors.As(err, &foreign); got != (name == "a foreign image") {
			t.Errorf("%s: is a NotOursError: %v", name, got)
		}
	}
}

func TestMappingsLeadFromTheImageToThisMachine(t *testing.T) {
	for name, test := range map[string]struct {
		paths string
		local connect.Local
		want  []connect.Mapping
	}{
		"everything is known": {"", home, []connect.Mapping{
			{From: "/usr/local/go", To: "/usr/local/go", Kind: "goroot"},
			{From: "/go/pkg/mod", To: "/home/me/go/pkg/mod", Kind: "modcache"},
			{From: "/src", To: "/home/me/my app", Kind: "module"},
		}},
		"nothing is known": {"", connect.Local{}, []connect.Mapping{{From: "/src", To: "/path/to/hello", Kind: "module"}}},
		// The rule for all relative names must not hide that of the module.
		"-trimpath": {trimmed, home, []connect.Mapping{
			{From: "example.com/hello", To: "/home/me/my app", Kind: "module"},
			{From: "", To: "/home/me/go/pkg/mod", Kind: "modcache"},
		}},
		"another module": {`[{"path":"/tools","kind":"module","module":"example.com/tools"}]`, home, nil},
	} {
		changes := map[string]string{}
		if test.paths != "" {
			changes[variants.LabelPaths] = test.paths
		}
		if diff := cmp.Diff(test.want, image(t, changes).Mappings(test.local)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDelveCommandLines(t *testing.T) {
	attach := map[string]string{variants.LabelKind: "attach"}
	sidecar := map[string]string{variants.LabelKind: "sidecar"}
	beside := target(t, sidecar)
	beside.Name, beside.Container, beside.Beside, beside.Port, beside.Mappings = "app:v1-debug-sidecar", "", "app", 8000, nil
	plain := target(t, nil)
	plain.Mappings = nil
	absent := target(t, attach)
	absent.Container, absent.PID = "", 7
	for name, test := range map[string]struct {
		target connect.Target
		want   string
	}{
		"remote": {target(t, nil), `dlv connect 127.0.0.1:49153 --init /dev/fd/3 3<<'EOF'
config substitute-path /usr/local/go /usr/local/go
config substitute-path /go/pkg/mod /home/me/go/pkg/mod
config substitute-path /src "/home/me/my app"
EOF
`},
		"remote with -trimpath": {target(t, map[string]string{variants.LabelPaths: trimmed}), `dlv connect 127.0.0.1:49153 --init /dev/fd/3 3<<'EOF'
config substitute-path example.com/hello "/home/me/my app"
config substitute-path "" /home/me/go/pkg/mod
EOF
`},
		"remote without rules": {plain, "dlv connect 127.0.0.1:49153\n"},
		"attach":               {target(t, attach), "docker exec -ti -e XDG_CONFIG_HOME=/.dlvgen/config app /dlv attach 1\n"},
		"an attach image":      {absent, "docker exec -ti -e XDG_CONFIG_HOME=/.dlvgen/config CONTAINER /dlv attach 7\n"},
		"a sidecar image": {beside, `# at a prompt
docker run --rm -ti --pid container:app --cap-add SYS_PTRACE app:v1-debug-sidecar

# for a client
docker run --rm -d -p 127.0.0.1:8000:8000 --pid container:app --cap-add SYS_PTRACE app:v1-debug-sidecar
dlv connect 127.0.0.1:8000

# in Kubernetes
kubectl debug -ti POD --target=app --profile=general --image=app:v1-debug-sidecar
`},
	} {
		got, err := test.target.Delve()
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestServeMakesTheDebuggerListen(t *testing.T) {
	attach := map[string]string{variants.LabelKind: "attach"}
	fromImage := target(t, map[string]string{variants.LabelListen: ":4000"})
	fromImage.Name, fromImage.Container, fromImage.Port = "app:v1-debug", "", 4000
	absent := target(t, attach)
	absent.Name, absent.Container, absent.PID, absent.Port = "app:v1-debug-attach", "", 7, 8000
	if got, err := connect.CommandLine(absent.Start()); got != "docker run -d -p 127.0.0.1:8000:8000 app:v1-debug-attach" || err != nil {
		t.Errorf("an attach image is started by %q, %v", got, err)
	}
	for name, test := range map[string]struct {
		target connect.Target
		want   string
	}{
		"remote":         {target(t, nil), ""},
		"a remote image": {fromImage, "docker run -d -p 127.0.0.1:4000:4000 app:v1-debug"},
		"attach": {target(t, attach),
			"docker exec -d -e XDG_CONFIG_HOME=/.dlvgen/config app /dlv attach --listen=:8000 --headless=true --api-version=2 --accept-multiclient --continue 1"},
		"an attach image": {absent,
			"docker exec -d -e XDG_CONFIG_HOME=/.dlvgen/config CONTAINER /dlv attach --listen=:8000 --headless=true --api-version=2 --accept-multiclient --continue 7"},
	} {
		if got, err := connect.CommandLine(test.target.Serve()); got != test.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, test.want)
		}
	}
}

func TestLaunchJSON(t *testing.T) {
	text, err := target(t, map[string]string{variants.LabelPaths: trimmed}).VSCode()
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	want := map[string]any{"version": "0.2.0", "configurations": []any{map[string]any{
		"name": "dlvgen: app", "type": "go", "request": "attach", "mode": "remote", "debugAdapter": "dlv-dap",
		"host": "127.0.0.1", "port": 49153.0,
		"substitutePath": []any{
			map[string]any{"from": "${workspaceFolder}", "to": "example.com/hello"},
			map[string]any{"from": "/home/me/go/pkg/mod", "to": ""},
		},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	named := target(t, nil)
	named.Workspace = false
	if text, err = named.VSCode(); err != nil || strings.Contains(text, "${workspaceFolder}") || !strings.Contains(text, `"from": "/home/me/my app"`) {
		t.Errorf("with a folder that was named: %v\n%s", err, text)
	}
}

func TestGoLandRunConfiguration(t *testing.T) {
	text, err := target(t, nil).GoLand()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Name          string `xml:"name,attr"`
		Configuration struct {
			Type    string `xml:"type,attr"`
			Factory string `xml:"factoryName,attr"`
			Host    string `xml:"host,attr"`
			Port    string `xml:"port,attr"`
			Option  struct {
				Name  string `xml:"name,attr"`
				Value string `xml:"value,attr"`
			} `xml:"option"`
		} `xml:"configuration"`
	}
	if err := xml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	c := got.Configuration
	if got.Name != "ProjectRunConfigurationManager" || c.Type != "GoRemoteDebugConfigurationType" || c.Factory != "Go Remote" ||
		c.Host != "127.0.0.1" || c.Port != "49153" || c.Option.Name != "disconnectOption" || c.Option.Value != "LEAVE" {
		t.Errorf("got %+v from\n%s", got, text)
	}
}

func TestNeovimLua(t *testing.T) {
	text, err := target(t, nil).Neovim()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`dap.adapters.dlvgen = { type = "server", host = "127.0.0.1", port = 49153 }`,
		`    { from = "${workspaceFolder}", to = "/src" },`,
		`  mode = "remote",`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %s:\n%s", want, text)
		}
	}
}
