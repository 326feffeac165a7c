package registry

import (
	"bufio"
	"fmt"
	"io"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// distributionConfig is that of a registry that keeps its images in a folder.
const distributionConfig = `version: 0.1
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: true}
http: {addr: 127.0.0.1:0}
`

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// startDistribution starts Debian's docker-registry, Distribution 2.8, and returns what hands
// requests on to it.
func startDistribution(t *testing.T) *httputil.ReverseProxy {
	t.Helper()
	proctest.RequirePrograms(t, "docker-registry")
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, distributionConfig, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(proctest.Context(t), "docker-registry", "serve", config)
	output, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-drained
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(output)
	address := ""
	for address == "" && lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, output)
		close(drained)
	}()
	if address == "" {
		t.Fatal("docker-registry ended before it listened")
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.Out.Host = r.In.Host
	}}
}
