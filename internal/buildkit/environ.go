package buildkit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// passed are the variables of the caller's environment that the child gets: what Go's
// network code and git read, and BuildKit's own limits of a step's log. A child lives
// on in the background, for later calls from other shells: no other variable reaches
// it, and one that is started with other values is another child.
var passed = []string{
	"HOME",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"BUILDKIT_STEP_LOG_MAX_SIZE", "BUILDKIT_STEP_LOG_MAX_SPEED",
}

// environment is the child's, but for what says that it is one.
func (c *Child) environment(programs ...string) []string {
	env := []string{pathEnv + "=" + searchPath(programs), tempEnv + "=" + c.temp()}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// The variables that every child has, and one that is an ordinary user's: runc keeps its
// state there, and in root's folder without it.
const (
	pathEnv    = "PATH"
	tempEnv    = "TMPDIR"
	runtimeEnv = "XDG_RUNTIME_DIR"
)

// runtimeDir is the folder of that variable.
func (c *Child) runtimeDir() string { return filepath.Join(c.dir, "run") }

// temp is the child's folder for temporary files.
func (c *Child) temp() string { return filepath.Join(c.dir, "tmp") }

// searchPath leads to the folders of these programs and to the system's own. The
// caller's PATH is none of it: it differs from shell to shell, and each would have a
// child of its own.
func searchPath(programs []string) string {
	var dirs []string
	for _, program := range programs {
		dirs = append(dirs, filepath.Dir(program))
	}
	var unique []string
	for _, dir := range append(dirs, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin") {
		if !slices.Contains(unique, dir) {
			unique = append(unique, dir)
		}
	}
	return strings.Join(unique, string(os.PathListSeparator))
}

// differing are the names of the variables whose values differ, in order.
func differing(a, b []string) []string {
	var names []string
	for _, v := range append(slices.Clone(a), b...) {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains(a, v) != slices.Contains(b, v) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
