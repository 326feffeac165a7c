//go:build !race

// It reads whole layers, which takes long with the detector.

package cli_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/imagecheck"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestEachLieFailsOneCheck makes lies of honest images, and wants each told by the check that
// it is for, and by no other.
func TestEachLieFailsOneCheck(t *testing.T) {
	g := buildGuarded(t)
	f := newForgery(t, g.production, g.debug)
	otherDelve, err := os.ReadFile(filepath.Join("..", "tools", "tree", "linux_amd64", "delve", "1.25.2", "dlv"))
	if err != nil {
		t.Fatal(err)
	}
	const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"
	symbols := f.copy(t, "sidecar").plan.Symbols
	for _, lie := range []lie{
		{"nothing", "remote", "", "", func(*forged) {}},
		{"sources, nothing", "remote-src", "", "", func(*forged) {}},

		{"another program", "remote", "program", "build id", func(i *forged) { i.content(theProgram, f.file(t, "sidecar", layout.SymbolsFile)) }},
		{"optimized", "remote-src", "program", "without -N -l", func(i *forged) {
			optimized := f.file(t, "sidecar", layout.SymbolsFile)
			facts, err := gobin.Read(bytes.NewReader(optimized))
			if err != nil {
				t.Fatal(err)
			}
			i.replan(func(p *variants.Plan) { p.Program.BuildID = facts.BuildID })
			i.content(theProgram, optimized)
		}},
		{"no debug information", "remote", "program", "no debug information", func(i *forged) {
			i.replan(func(p *variants.Plan) { p.Program.BuildID = symbols.BuildID })
			i.content(theProgram, f.file(t, "", theProgram))
		}},
		{"no program", "attach", "program", "no file", func(i *forged) { i.edit(theProgram, func(*testenv.Entry) bool { return true }) }},
		{"symbols of another program", "sidecar", "program", "not the symbols", func(i *forged) { i.content(layout.SymbolsFile, f.file(t, "remote", theProgram)) }},

		{"missing source", "remote-src", "sources", "/src/main.go", func(i *forged) { i.edit("/src/main.go", func(*testenv.Entry) bool { return true }) }},
		{"short source", "remote-src", "sources", "fewer lines", func(i *forged) { i.content("/src/main.go", []byte("package main\n")) }},
		{"a source in an image without", "remote", "sources", "/.dlvgen/main.go", func(i *forged) { i.add(-1, ".dlvgen/main.go", "package main\n") }},
		{"a source in a lower layer", "remote", "sources", "/usr/main.go", func(i *forged) { i.add(len(i.layers)-4, "usr/main.go", ""); i.add(-1, "usr/.wh.main.go", "") }},
		{"a source under another name", "remote", "sources", "/.dlvgen/data", func(i *forged) { i.add(-2, ".dlvgen/data", "// Package x\n\npackage x\n") }},

		{"a key", "remote", "secrets", "private key in /.dlvgen/data", func(i *forged) { i.add(-1, ".dlvgen/data", key) }},
		{"variables", "remote-src", "secrets", "/src/.env", func(i *forged) { i.add(-2, "src/.env", "") }},
		{"git", "remote-src", "secrets", "/src/.git/config", func(i *forged) { i.add(-2, "src/.git/config", "") }},
		{"netrc", "remote", "secrets", "/root/.netrc", func(i *forged) { i.add(1, "root/.netrc", "") }},
		{"docker's config", "remote", "secrets", "config.json", func(i *forged) { i.add(-1, "root/.docker/config.json", "") }},
		{"kubectl's config", "remote", "secrets", "/.kube/config", func(i *forged) { i.add(-1, "home/.kube/config", "") }},
		{"an SSH key", "sidecar", "secrets", "id_rsa", func(i *forged) { i.add(-1, "id_rsa", "") }},
		{"a key that is hidden again", "remote", "secrets", "key.pem", func(i *forged) { i.add(-3, "key.pem", ""); i.add(-1, ".wh.key.pem", "") }},

		{"another Delve", "remote", "debugger", "is not the file", func(i *forged) { i.content(layout.Delve, otherDelve) }},
		{"a dynamic Delve", "remote", "debugger", "not static", func(i *forged) { i.content(layout.Delve, dynamic(t, f.file(t, "remote", layout.Delve))) }},
		{"no Delve", "remote", "debugger", "not Delve", func(i *forged) { i.content(layout.Delve, f.file(t, "remote", layout.Init)) }},
		{"another init", "remote", "debugger", layout.Init, func(i *forged) { i.content(layout.Init, []byte("#!/bin/sh\n")) }},

		{"environment", "remote", "config", "config.Env", func(i *forged) { i.config.Config.Env = append(i.config.Config.Env, "LD_PRELOAD=/x") }},
		{"environment, in the plan too", "remote", "config", "config.Env", func(i *forged) {
			i.replan(func(p *variants.Plan) { p.Config.Config.Env = append(p.Config.Config.Env, "LD_PRELOAD=/x") })
			i.config.Config.Env = append(i.config.Config.Env, "LD_PRELOAD=/x")
		}},
		{"user", "attach", "config", "config.User", func(i *forged) { i.config.Config.User = "0" }},
		{"entrypoint", "remote", "config", "config.Entrypoint", func(i *forged) { i.config.Config.Entrypoint = []string{"/bin/sh"} }},
		{"entrypoint, in the plan too", "attach", "config", "config.Entrypoint", func(i *forged) {
			i.replan(func(p *variants.Plan) {
				p.Entrypoint, p.Config.Config.Entrypoint = []string{"/bin/sh"}, []string{"/bin/sh"}
			})
			i.config.Config.Entrypoint = []string{"/bin/sh"}
		}},
		{"arguments, in the plan too", "remote", "config", "arguments", func(i *forged) {
			i.replan(func(p *variants.Plan) {
				p.Program.Args = []string{"--insecure"}
				p.Command = append(p.Command, "--", "--insecure")
				p.Config.Config.Cmd = p.Command
			})
			i.config.Config.Cmd = i.plan.Command
		}},
		{"ports", "attach", "config", "config.ExposedPorts", func(i *forged) { i.config.Config.ExposedPorts = map[string]struct{}{"22/tcp": {}} }},
		{"volumes", "remote", "config", "config.Volumes", func(i *forged) { i.config.Config.Volumes = map[string]struct{}{"/etc": {}} }},
		{"folder", "remote", "config", "config.WorkingDir", func(i *forged) { i.config.Config.WorkingDir = "/tmp" }},
		{"signal", "remote", "config", "config.StopSignal", func(i *forged) { i.config.Config.StopSignal = "SIGKILL" }},
		{"health", "remote", "config", "config.Healthcheck", func(i *forged) { i.config.Config.Healthcheck = &v1.HealthConfig{Test: []string{"NONE"}} }},
		{"another's label", "remote", "config", "config.Labels", func(i *forged) { i.config.Config.Labels["maintainer"] = "x" }},
		{"history", "remote", "config", "history", func(i *forged) { i.config.History[0].CreatedBy = "FROM other" }},
		{"time", "remote", "config", "another time", func(i *forged) { i.config.Created = v1.Time{Time: time.Unix(7, 0)} }},

		{"variant", "remote", "labels", "variant", func(i *forged) { i.config.Config.Labels[variants.LabelVariant] = "remote-src" }},
		{"program's path", "remote", "labels", "program", func(i *forged) { i.config.Config.Labels[variants.LabelProgram] = "/bin/sh" }},
		{"production's digest", "remote", "labels", "production.digest", func(i *forged) {
			i.config.Config.Labels[variants.LabelProductionDigest] = "sha256:" + strings.Repeat("0", 64)
		}},
		{"a label that there is none of", "remote", "labels", "extra", func(i *forged) { i.config.Config.Labels[variants.LabelPrefix+"extra"] = "x" }},

		{"no init", "remote", "plan", "has no " + layout.Init, func(i *forged) { i.edit(layout.Init, func(*testenv.Entry) bool { return true }) }},
		{"a layer that is not there", "remote", "plan", "layers", func(i *forged) {
			i.replan(func(p *variants.Plan) { p.Layers = append(p.Layers, variants.Layer{Files: "/x", Description: "more"}) })
		}},
		{"settings", "remote", "plan", layout.DelveConfig, func(i *forged) { i.content(layout.DelveConfig, []byte("a: b\n")) }},
		{"telemetry", "remote", "plan", layout.TelemetryMode, func(i *forged) { i.content(layout.TelemetryMode, []byte("on")) }},
		{"a file of dlvgen's that is none", "remote", "plan", "/.dlvgen/tool", func(i *forged) { i.add(-1, ".dlvgen/tool", "") }},
		{"a file of dlvgen's in another layer", "remote", "plan", "/.dlvgen/tool", func(i *forged) { i.add(len(i.layers)-4, ".dlvgen/tool", "") }},
		{"setuid Delve", "remote", "plan", "mode 4755", func(i *forged) {
			i.edit(layout.Delve, func(e *testenv.Entry) bool { e.Mode = 0o4755; return false })
		}},

		{"mode of /tmp", "remote", "files", "/tmp is a folder with mode 0777", func(i *forged) {
			i.edit("/tmp", func(e *testenv.Entry) bool { e.Mode = 0o777; return false })
		}},
		{"a file is removed", "remote", "files", anything + " is missing", func(i *forged) { i.edit(anything, func(*testenv.Entry) bool { return true }) }},
		{"a file is hidden", "remote", "files", anything + " is missing", func(i *forged) {
			i.add(-1, path.Join(path.Dir(anything), ".wh."+path.Base(anything))[1:], "")
		}},
		{"a folder is hidden", "remote", "files", "/etc", func(i *forged) { i.add(1, "etc/.wh..wh..opq", "") }},
		{"content", "remote", "files", anything + " has another content", func(i *forged) { i.content(anything, []byte("x")) }},
		{"owner", "attach", "files", "of 7:0", func(i *forged) { i.edit(anything, func(e *testenv.Entry) bool { e.Uid = 7; return false }) }},
		{"attribute", "remote", "files", "security.capability", func(i *forged) {
			i.edit(anything, func(e *testenv.Entry) bool {
				e.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01"}
				return false
			})
		}},
		{"a link", "remote", "files", `a link to "/bin/sh"`, func(i *forged) {
			i.edit(anything, func(e *testenv.Entry) bool {
				e.Typeflag, e.Linkname, e.Content = tar.TypeSymlink, "/bin/sh", nil
				return false
			})
		}},
		{"mode of the program", "remote", "files", "mode 4755", func(i *forged) {
			i.edit(theProgram, func(e *testenv.Entry) bool { e.Mode = 0o4755; return false })
		}},
		{"one more file", "remote", "files", "/etc/more is not in production", func(i *forged) { i.add(1, "etc/more", "") }},
		{"a file through a link of the build cache", "remote", "files", "/root/.cache/go-build/ab", func(i *forged) {
			i.add(1, "root/.cache/go-build/ab", "")
			i.edit("/root/.cache/go-build/ab", func(e *testenv.Entry) bool {
				e.Typeflag, e.Linkname = tar.TypeSymlink, "/etc"
				return false
			})
			i.add(2, "root/.cache/go-build/ab/passwd", "x")
		}},
		{"a whiteout through a link", "remote", "files", "is written through a link", func(i *forged) {
			i.add(1, "root/.cache/go-build/ab", "")
			i.edit("/root/.cache/go-build/ab", func(e *testenv.Entry) bool {
				e.Typeflag, e.Linkname = tar.TypeSymlink, "/etc"
				return false
			})
			i.add(2, "root/.cache/go-build/ab/.wh.passwd", "")
		}},
		{"a source with rights", "remote-src", "files", "/src/more.go is not in production", func(i *forged) {
			i.add(1, "src/more.go", "package main\n")
			i.edit("/src/more.go", func(e *testenv.Entry) bool { e.Mode = 0o4755; return false })
		}},
		{"a device of the build cache", "remote", "files", "/root/.cache/go-build/README", func(i *forged) {
			i.add(1, "root/.cache/go-build/README", "")
			i.edit("/root/.cache/go-build/README", func(e *testenv.Entry) bool { e.Typeflag = tar.TypeChar; return false })
		}},
		{"a module cache that is everything", "remote", "files", anything + " is missing", func(i *forged) {
			i.replan(func(p *variants.Plan) {
				p.Paths = append(p.Paths, variants.PathRule{Kind: variants.PathModCache, Path: "/"})
			})
			labels, err := i.plan.Labels()
			if err != nil {
				t.Fatal(err)
			}
			i.config.Config.Labels[variants.LabelPaths] = labels[variants.LabelPaths]
			i.edit(anything, func(*testenv.Entry) bool { return true })
		}},
		{"time of a folder", "remote-src", "files", "/tmp is of", func(i *forged) {
			i.add(-1, "tmp", "")
			i.edit("/tmp", func(e *testenv.Entry) bool {
				e.Typeflag, e.Mode, e.ModTime = tar.TypeDir, 0o1777, time.Unix(5, 0)
				return false
			})
		}},
	} {
		t.Run(lie.name, func(t *testing.T) { f.failsOne(t, lie) })
	}
}

// TestLiesAboutALauncherFailOneCheck has the program beside a launcher, in an image that is
// based on Debian.
func TestLiesAboutALauncherFailOneCheck(t *testing.T) {
	reg := needBuildKit(t)
	tag := buildInplace(t, reg)
	images := map[string]v1.Image{}
	for name, ref := range map[string]string{"": tag, "remote-src": tag + "-debug-src"} {
		var err error
		if images[name], err = reg.Image(proctest.Context(t), ref); err != nil {
			t.Fatal(err)
		}
	}
	f := newForgery(t, images[""], map[string]v1.Image{"remote-src": images["remote-src"]})
	moved := f.copy(t, "remote-src").plan.Moved()
	for _, lie := range []lie{
		{"nothing", "remote-src", "", "", func(*forged) {}},
		{"another launcher", "remote-src", "plan", "another program than the launcher", func(i *forged) { i.content(theProgram, []byte("#!/bin/sh\n")) }},
		{"a launcher of another's", "remote-src", "files", theProgram + " is a file", func(i *forged) {
			i.edit(theProgram, func(e *testenv.Entry) bool { e.Uid = 1000; return false })
		}},
		{"a program of another's", "remote-src", "plan", moved, func(i *forged) { i.edit(moved, func(e *testenv.Entry) bool { e.Gid = 1000; return false }) }},
		{"no program", "remote-src", "program", "no file", func(i *forged) { i.edit(moved, func(*testenv.Entry) bool { return true }) }},
	} {
		t.Run(lie.name, func(t *testing.T) { f.failsOne(t, lie) })
	}

	// The production tag moves on, so that the link is one with another image.
	pushForeign(t, reg, tag)
	bad := not(verified(t, cli.ExitFailure, reg.Ref(tag+"-debug-src")), imagecheck.OK)
	if len(bad) != 2 || !strings.HasPrefix(bad[0], "files: not checked") || !strings.HasPrefix(bad[1], "production: failed: v1 has moved") {
		t.Errorf("an image whose production has moved: %q", bad)
	}
}
