package llbgen

import (
	"slices"
	"testing"

	"github.com/moby/buildkit/client/llb"
	digest "github.com/opencontainers/go-digest"
)

// cachedSteps are the cache mounts over /go/pkg/mod of each instrumented step.
func cachedSteps(t *testing.T, st llb.State) []bool {
	t.Helper()
	def := definition(t, st)
	opts := InstrumentOptions{Toolchains: map[digest.Digest]Toolchain{}}
	for {
		in := instrument(t, def, opts)
		ready := in.Unlocated()
		for _, s := range ready {
			opts.Toolchains[s.Digest] = usualToolchain
		}
		if len(ready) > 0 {
			continue
		}
		var cached []bool
		for _, s := range in.Steps {
			for _, v := range mustDecode(t, in.Definition) {
				if v.digest == s.Vertex {
					cached = append(cached, hides(v.op.GetExec(), usualToolchain.ModCache))
				}
			}
		}
		return cached
	}
}

// server is an image of the program alone.
func server(build llb.State) llb.State {
	return llb.Scratch().File(llb.Copy(build, "/server", "/server"))
}

func TestModulesThatAreReadLaterAreNotInACache(t *testing.T) {
	build := run(goImage(), "go build -o /server .")
	after := func(script string) llb.State { return server(run(build, script)) }
	copied := func(src string) llb.State {
		return server(build).File(llb.Copy(build, src, "/x", &llb.CopyInfo{AllowWildcard: true}))
	}
	mounted := func(script, source string) llb.State {
		return run(llb.Image("docker.io/library/debian"), script, llb.AddMount("/b", build, llb.SourcePath(source), llb.Readonly))
	}
	for _, tc := range []struct {
		name   string
		st     llb.State
		cached []bool // by step
	}{
		{"the program is copied", server(build), []bool{true}},
		{"the builder is the image", build, []bool{false}},
		{"files beside are copied", copied("/go/bin"), []bool{true}},
		{"a pattern beside is copied", copied("/serv*"), []bool{true}},
		{"a module is copied", copied("/go/pkg/mod/github.com/google/uuid@v1.6.0/LICENSE"), []bool{false}},
		{"folders around are copied", copied("/go"), []bool{false}},
		{"everything is copied", copied("/"), []bool{false}},
		{"a pattern around is copied", copied("/g*/pkg"), []bool{false}},
		{"a later copy goes on from the builder", llb.Scratch().File(llb.Copy(build.File(llb.Mkdir("/x", 0o755)), "/go/pkg", "/x")), []bool{false}},

		{"a step asks go", after("cp -r $(go list -m -f '{{.Dir}}' github.com/google/uuid) /licenses"), []bool{false}},
		{"a step vets", after("go vet ./..."), []bool{false}},
		{"a step copies", after("cp -r ../go/pkg/mod /mods"), []bool{false}},
		{"a step copies what it is in", after("cd /go && cp -r . /mods"), []bool{false}},
		{"a step reads", after("cat </go/pkg/mod/cache/lock >/lock"), []bool{false}},
		{"a step copies another file", after("mkdir -p /out && cp /server /out/ && chmod +x /out/server"), []bool{true}},
		{"a step installs", after("apt-get update && apt-get install -y $PACKAGES"), []bool{true}},
		{"a step has words that are not known", after("chmod +x $FILES"), []bool{false}},
		{"a step of another stage", run(server(build), "cp -r /go /x"), []bool{true}},

		{"a second compile", server(run(build, "go build -o /server ./other")), []bool{true, true}},
		{"a second compile, and a module is copied", llb.Scratch().File(llb.Copy(run(build, "go build -o /server ./other"), "/go/pkg/mod/x", "/")), []bool{false, false}},
		{"another stage compiles, and a module is copied", copied("/go/pkg/mod/x").File(llb.Copy(run(build, "go test ./..."), "/server", "/y")), []bool{false, false}},
		{"another user compiles", server(run(build.User("app"), "go build -o /server .")), []bool{false, false}},

		{"a step has it mounted", mounted("cp -r /b/go/pkg/mod /x", "/"), []bool{false}},
		{"a step has a folder of it mounted", mounted("cp -r /b/cache /x", "/go/pkg/mod"), []bool{false}},
		{"a step runs what it has mounted", mounted("/b/server --check", "/"), []bool{false}},
		{"a step takes the program from a mount", mounted("cp /b/server /x", "/"), []bool{true}},
		{"a step has another folder mounted", mounted("cp -r /b /x", "/src"), []bool{true}},

		{"the step itself copies all modules", server(run(goImage(), "go build -o /server . && cp -r /go/pkg/mod /mods")), []bool{false}},
		{"the step itself removes all modules", server(run(goImage(), "go build -o /server . && rm -rf /go/pkg/mod")), []bool{true}},
		{"layers are merged", server(llb.Merge([]llb.State{build, llb.Scratch().File(llb.Mkdir("/x", 0o755))})), []bool{true}},
		{"layers are merged and copied", llb.Scratch().File(llb.Copy(llb.Merge([]llb.State{build, llb.Scratch()}), "/go", "/go")), []bool{false}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := cachedSteps(t, tc.st); !slices.Equal(got, tc.cached) {
				t.Errorf("cached by step: %v, want %v", got, tc.cached)
			}
		})
	}
}

func TestWhetherAPathMeetsAFolder(t *testing.T) {
	for p, want := range map[string]bool{
		"/": true, "go": true, "/go/pkg/mod": true, "/go/pkg/mod/": true, "/go/pkg/mod/x": true, "/go/*/mod": true, "/**/LICENSE": true, "/go/{pkg,bin}": true, "/[": true,
		"/go/pkg/module": false, "/go/bin": false, "/g": false, "/go/../src": false, "/[a-f]*": false,
	} {
		if got := meets(p, "/go/pkg/mod"); got != want {
			t.Errorf("%s: %v, want %v", p, got, want)
		}
	}
}
