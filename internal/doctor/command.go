package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/variants/delve"
	"golang.org/x/mod/modfile"
)

// commandLimit is how long a command may take to tell its version.
const commandLimit = 10 * time.Second

// output is what a command prints to stdout.
func output(ctx context.Context, dir string, env []string, words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second // what it starts may keep its output open
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("`%s` did not end within %s", strings.Join(words, " "), commandLimit)
	case errors.As(err, &exit) && len(exit.Stderr) > 0:
		return "", fmt.Errorf("`%s` failed: %s", strings.Join(words, " "), line(string(exit.Stderr)))
	case err != nil:
		return "", fmt.Errorf("`%s` failed: %w", strings.Join(words, " "), err)
	}
	return string(out), nil
}

// checkBuildx asks for docker's plugin. dlvgen has buildx itself.
func (d *Doctor) checkBuildx(ctx context.Context) finding {
	if _, err := exec.LookPath("docker"); err != nil {
		return skipped("the docker command is not installed: dlvgen needs neither it nor buildx")
	}
	out, err := output(ctx, "", nil, "docker", "buildx", "version")
	if err != nil {
		return skipped("docker has no buildx: dlvgen needs it only for the files that `dlvgen bake` writes")
	}
	fields := strings.Fields(out)
	return found("buildx %s", strings.Join(fields[min(1, len(fields)):min(2, len(fields))], ""))
}

var errNoDelve = errors.New("dlv is not in PATH")

// delve is the version of dlv in PATH.
func (d *Doctor) delve(ctx context.Context) (string, error) {
	return d.delveFact.get(ctx, func(ctx context.Context) (string, error) {
		if _, err := exec.LookPath("dlv"); err != nil {
			return "", errNoDelve
		}
		out, err := output(ctx, "", nil, "dlv", "version")
		if err != nil {
			return "", err
		}
		if v := delveVersion(out); v != "" {
			return v, nil
		}
		return "", errors.New("`dlv version` prints no version")
	})
}

// delveVersion is the version in what Delve says of itself, "" for none.
func delveVersion(text string) string {
	for text := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(text, "Version:"); ok && delve.NewestGo(strings.TrimSpace(v)) != "" {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// installDelve is a remedy.
func installDelve(version string) string {
	return fmt.Sprintf("`go install %s@v%s`", delve.Package, version)
}

// checkDelve compares dlv in PATH with the Delves in images, and with the Go of this module.
func (d *Doctor) checkDelve(ctx context.Context) finding {
	have, err := d.delve(ctx)
	remedy := installDelve(delve.Newest)
	switch {
	case errors.Is(err, errNoDelve):
		return warning(remedy+", or use an editor that has one", "%s: `dlvgen debug` and `dlv connect` need it for path rules", err)
	case err != nil:
		return warning(remedy, "%s", err)
	}
	goVersion, _ := d.moduleGo()
	if !delve.Debugs(have, goVersion) {
		return warning(remedy, "dlv %s in PATH debugs programs of Go up to %s, and go.mod here asks for %s", have, delve.NewestGo(have), goVersion)
	}
	if delve.Older(have, delve.Newest) {
		return warning(remedy, "dlv %s in PATH is older than the Delve that dlvgen puts into images, %s", have, delve.Newest)
	}
	return found("dlv %s in PATH; dlvgen puts Delve %s into images", have, strings.Join(delve.Versions(), ", "))
}

// moduleGo is the Go that the go.mod of the checkout asks for, "go1.26", empty where it says
// nothing.
func (d *Doctor) moduleGo() (string, error) {
	if d.Checkout == "" {
		return "", nil
	}
	data, err := os.ReadFile(filepath.Join(d.Checkout, "go.mod"))
	if err != nil {
		return "", err
	}
	file, err := modfile.ParseLax("go.mod", data, nil)
	if err != nil || file.Go == nil {
		return "", err
	}
	return "go" + file.Go.Version, nil
}

// checkGo asks for the go command, whose folders have the sources of dependencies, and whether
// dlvgen has a Delve for the Go of this module.
func (d *Doctor) checkGo(ctx context.Context) finding {
	asked, err := d.moduleGo()
	if err != nil {
		return failed("fix it", "go.mod cannot be read: %s", err)
	}
	fitting := ""
	if asked != "" {
		if fitting, err = delve.For(asked); err != nil {
			return failed("", "%s", err)
		}
		fitting = fmt.Sprintf("; go.mod here asks for %s, for which images get Delve %s", asked, fitting)
	}
	if _, err := exec.LookPath("go"); err != nil {
		return warning("install Go, or give folders to your client yourself", "go is not in PATH: paths of dependencies and of the standard library are not mapped%s", fitting)
	}
	// Nothing is downloaded to answer.
	out, err := output(ctx, os.TempDir(), []string{"GOTOOLCHAIN=local", "GOWORK=off"}, "go", "env", "GOVERSION")
	if err != nil {
		return warning("", "%s", err)
	}
	return found("%s in PATH%s", cmp.Or(strings.TrimSpace(out), "a go of no version"), fitting)
}
