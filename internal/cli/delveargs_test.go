package cli_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// logged is what every line of Delve's log has.
const logged = "layer=debugger"

// TestDelveLogsWhereItIsAskedTo asks for it by flag, build arg and syntax line, which
// make the same image, but for its production's name.
func TestDelveLogsWhereItIsAskedTo(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	ctx := proctest.Context(t)
	service, syntax := testenv.Service(t, "hello"), testenv.FrontendImage(t)
	gateway := func(push string, attrs map[string]string) {
		attrs["source"] = syntax
		solved, err := testenv.SharedBuildKit(t).Solve(ctx, testenv.Solve{Context: service, Frontend: "gateway.v0", Attrs: attrs, Push: reg.Ref(push)})
		if err != nil {
			t.Fatalf("%v\n%s", err, solved.Log)
		}
	}
	mustBuild(t, "-t", reg.Ref("args/flag:v1"), "--delve-arg=--log", "--delve-arg", "--log-output=debugger", "--push", service)
	gateway("args/arg:v1-debug", map[string]string{"build-arg:DLVGEN_VARIANT": "remote", "build-arg:DLVGEN_DELVE_ARG": "--log --log-output=debugger"})
	gateway("args/line:v1-debug", map[string]string{"cmdline": syntax + " --variant=remote --delve-arg=--log --delve-arg=--log-output=debugger"})
	flag, arg, line := configOf(t, reg, "args/flag:v1-debug"), configOf(t, reg, "args/arg:v1-debug"), configOf(t, reg, "args/line:v1-debug")
	if diff := cmp.Diff(arg, line); diff != "" {
		t.Errorf("the syntax line's image is another than the build arg's:\n%s", diff)
	}
	// Only the command line knows what production is called.
	if flag.Labels[variants.LabelProductionName] != reg.Ref("args/flag:v1") {
		t.Errorf("labels are %q", flag.Labels)
	}
	delete(flag.Labels, variants.LabelProductionName)
	if diff := cmp.Diff(arg, flag); diff != "" {
		t.Errorf("the flag's image is another than the build arg's:\n%s", diff)
	}
	hitsAndLogs(t, reg.Ref("args/line:v1-debug"))
}

func configOf(t *testing.T, reg *testenv.Registry, name string) v1.Config {
	t.Helper()
	img, err := reg.Image(proctest.Context(t), name)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.Config
}

func TestDelveLogsBehindALauncherAndInASidecar(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	service := testenv.Service(t, "hello")
	mustBuild(t, "-t", reg.Ref("args/hello:v1"), "--entry", "inplace", "--variant", "remote,sidecar", "--delve-arg=--log", "--push", service)
	hitsAndLogs(t, reg.Ref("args/hello:v1-debug"))

	if solved, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{Context: service, Push: reg.Ref("args/hello:v1")}); err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
	engine := testenv.SharedDocker(t)
	app := engine.Run(t, reg.Ref("args/hello:v1"))
	waitFor(t, engine.Run(t, "--pid", "container:"+app.ID, "--cap-add", "SYS_PTRACE", reg.Ref("args/hello:v1-debug-sidecar")), logged)
}

// hitsAndLogs runs a debug image of hello: its handler's breakpoint is hit, and Delve's
// log is the container's.
func hitsAndLogs(t *testing.T, ref string) {
	t.Helper()
	ctx := proctest.Context(t)
	c := testenv.SharedDocker(t).Run(t, "--publish", "127.0.0.1::8000", "--publish", "127.0.0.1::12345", ref)
	debugger, err := c.Addr(ctx, 8000)
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Addr(ctx, 12345)
	if err != nil {
		t.Fatal(err)
	}
	d, err := testenv.ConnectDelve(ctx, debugger)
	if err != nil {
		t.Fatal(err)
	}
	state, err := d.HitFunction(ctx, "main.handler", func(ctx context.Context) error {
		_, err := testenv.Get(ctx, "http://"+page+"/")
		return err
	})
	if err != nil || filepath.Base(state.CurrentThread.File) != "main.go" {
		t.Fatalf("%+v, %v", state, err)
	}
	if log, err := c.Logs(ctx); err != nil || !strings.Contains(log, logged) {
		t.Errorf("the container printed %q, %v: want %s in it", log, err, logged)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFlagsOfDlvgensOwnAreNotDelvesToTake(t *testing.T) {
	for arg, want := range map[string]string{
		"--listen=:1":          "--listen cannot be given to Delve: dlvgen sets it: use --listen",
		"-l:1":                 "Delve does not take it: unknown shorthand flag: 'l' in -l:1",
		"--headless=false":     "--headless cannot be given to Delve: dlvgen sets it",
		"--api-version 1":      "--api-version cannot be given to Delve: dlvgen sets it",
		"--accept-multiclient": "--accept-multiclient cannot be given to Delve: dlvgen sets it",
		"--log --continue":     "--continue cannot be given to Delve: dlvgen sets it: use --start",
		"--":                   "-- cannot be given to Delve: dlvgen adds the program's own arguments",
		"attach":               `"attach" is no flag: write flags with their values, such as --log-output=rpc`,
		"--redirect stdin:/f":  "--redirect cannot be given to Delve: the program is started as in production, not by Delve",
		"--log-output":         "Delve does not take it: flag needs an argument: --log-output",
		"--logg":               "Delve does not take it: unknown flag: --logg",
	} {
		var stderr bytes.Buffer
		code := cli.Run(t.Context(), []string{"build", "--delve-arg=" + arg, "."}, strings.NewReader(""), io.Discard, &stderr)
		first, _, _ := strings.Cut(stderr.String(), "\n")
		if line := `dlvgen: --delve-arg is "` + arg + `": ` + want; code != cli.ExitUsage || first != line {
			t.Errorf("exit code %d:\n%s\nwant\n%s", code, first, line)
		}
	}
}
