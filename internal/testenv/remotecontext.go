package testenv

import (
	"archive/tar"
	"context"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// RemoteContext serves a folder as a build context that is not on this machine: the URL of a
// git repository with it as the folder "service" of the branch "main", and that of a tar file.
func RemoteContext(t testing.TB, dir string) (repository, archive string) {
	t.Helper()
	ctx := proctest.Context(t)
	root := t.TempDir()
	tree, bare := filepath.Join(root, "tree"), filepath.Join(root, "repository.git")
	if err := os.CopyFS(filepath.Join(tree, "service"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		t.Helper()
		out, err := gitIn(ctx, tree, args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	git("init", "--quiet", "--initial-branch=main")
	git("add", ".")
	git("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message=test")
	git("clone", "--quiet", "--bare", ".", bare)

	mux := http.NewServeMux()
	mux.Handle("/repository.git/", &cgi.Handler{
		Path: filepath.Join(git("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	})
	mux.HandleFunc("/context.tar", func(w http.ResponseWriter, _ *http.Request) {
		archive := tar.NewWriter(w)
		_ = archive.AddFS(os.DirFS(dir)) // the build fails where this does
		_ = archive.Close()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/repository.git", server.URL + "/context.tar"
}

func gitIn(ctx context.Context, dir string, args ...string) (string, error) {
	return output(ctx, dir, []string{"GIT_CONFIG_NOSYSTEM=1"}, "git", args...)
}
