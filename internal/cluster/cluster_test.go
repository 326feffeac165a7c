package cluster

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/patience"
)

// TestTheLoginStaysWithItsHost has a server that redirects, to itself and to another one.
func TestTheLoginStaysWithItsHost(t *testing.T) {
	var stolen string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen = r.Header.Get("Authorization") }))
	t.Cleanup(other.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/version":
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		case "/here":
			_, _ = io.WriteString(w, `{"gitVersion": "v1.30.0"}`)
		default:
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(server.Close)
	c := connected(t, server.URL)
	if got, err := c.Version(t.Context()); got != "v1.30.0" || err != nil {
		t.Errorf("the version is %q, %v", got, err)
	}
	if _, err := c.Pod(t.Context(), "app"); err == nil || !strings.Contains(err.Error(), "it redirects to "+other.URL) {
		t.Errorf("got %v", err)
	}
	if stolen != "" {
		t.Errorf("another host got %q", stolen)
	}
}

func TestANamespaceOfDotsIsNone(t *testing.T) {
	if _, err := Connect(Options{Kubeconfig: kubeconfig(t, "https://127.0.0.1:1"), Namespace: ".."}, &patience.Patience{}); err == nil || !strings.Contains(err.Error(), `the namespace ".." has no name`) {
		t.Errorf("got %v", err)
	}
}

func connected(t *testing.T, server string) *Cluster {
	t.Helper()
	c, err := Connect(Options{Kubeconfig: kubeconfig(t, server)}, &patience.Patience{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], clusters: [{name: a, cluster: {server: \"" + server + "\"}}], users: [{name: a, user: {token: secret}}]}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSelectorsOfObjects(t *testing.T) {
	for _, test := range []struct{ kind, body, want string }{
		{"deployment", `{"spec": {"selector": {"matchLabels": {"app": "shop"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["web"]}]}}}`, "app=shop,tier in (web)"},
		{"service", `{"spec": {"selector": {"app": "shop", "tier": "web"}}}`, "app=shop,tier=web"},
		{"service", `{"spec": {"externalName": "db.example"}}`, ""},
	} {
		got, err := selectorIn(Object{Kind: test.kind, Name: "shop"}, []byte(test.body))
		if err != nil || got.String() != test.want || got.Empty() != (test.want == "") {
			t.Errorf("%s %s: got %q, %v, want %q", test.kind, test.body, got, err, test.want)
		}
	}
}
