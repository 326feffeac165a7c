package llbgen

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

// context is the build context, as the Dockerfile frontend names it.
func buildContext() llb.State { return llb.Local("context") }

// copied copies as COPY does.
func copied(to, from llb.State, src, dest string) llb.State {
	return to.File(llb.Copy(from, src, dest, &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true, AllowWildcard: true}))
}

// linked copies as COPY --link does.
func linked(to, from llb.State, src, dest string) llb.State {
	return llb.Merge([]llb.State{to, copied(llb.Scratch(), from, src, dest)})
}

// compiled is a builder stage after the script.
func compiled(script string) llb.State {
	return run(copied(goImage(), buildContext(), "/", "/src/"), script)
}

func alpine() llb.State { return llb.Image("docker.io/library/alpine:3") }

func TestOriginsLeadToWhatMakesAFile(t *testing.T) {
	for _, tc := range []struct {
		name string
		st   llb.State
		file string
		want string
	}{
		{"a copy of the file", copied(llb.Scratch(), compiled("go build -o /server ."), "/server", "/server"), "/server", "RUN go build -o /server . (runs go build)"},
		{"under another name", copied(alpine(), compiled("go build -o /out ."), "/out", "/usr/bin/server"), "/usr/bin/server", "RUN go build -o /out . (runs go build)"},
		{"into a folder", copied(alpine(), compiled("go build -o /server ."), "/server", "/usr/bin/"), "/usr/bin/server", "RUN go build -o /server . (runs go build)"},
		{"with its folder", copied(alpine(), compiled("make all"), "/out", "/app"), "/app/server", "RUN make all (runs make)"},
		{"by a pattern, and linked to other names", run(copied(alpine(), compiled("make server-all"), "/src/dist/server*", "/usr/local/bin/"), "ln -s /usr/local/bin/server /usr/local/bin/server-repo"),
			"/usr/local/bin/server", "RUN make server-all (runs make)"},
		{"by a pattern", copied(alpine(), compiled("make all"), "/out/serv*", "/app/"), "/app/server", "RUN make all (runs make)"},
		{"by a pattern, under one name", copied(llb.Scratch(), compiled("go build -o /build/app-linux ."), "/build/app-*", "/app"), "/app", "RUN go build -o /build/app-linux . (runs go build)"},
		{"by a pattern, onto a base", copied(alpine(), compiled("go build -o /build/app-linux ."), "/build/app-*", "/app"), "/app", "RUN go build -o /build/app-linux . (runs go build)"},
		{"by a pattern, linked", linked(alpine(), compiled("go build -o /build/app-linux ."), "/build/app-*", "/app"), "/app", "RUN go build -o /build/app-linux . (runs go build)"},
		{"by a pattern of one letter", copied(alpine(), compiled("go build -o /app-linux-amd64 ."), "/app-linux-?md64", "/app/app"), "/app/app", "RUN go build -o /app-linux-amd64 . (runs go build)"},
		{"by a pattern of a quoted letter", copied(alpine(), compiled("go build -o /app ."), "/ap[p]", "/srv"), "/srv", "RUN go build -o /app . (runs go build)"},
		{"by a pattern of a quoted letter, into a folder", copied(alpine(), compiled("go build -o /app ."), "/ap[p]", "/srv"), "/srv/app", "RUN go build -o /app . (runs go build)"},
		{"by a pattern of a folder", copied(alpine(), run(compiled("go build -o /out/app ."), "mv /out/app /dist/linux_amd64/app"), "/dist/linux_*/app", "/app"), "/app", "RUN go build -o /out/app . (runs go build)"},
		{"by a pattern of a folder whose files are copied", copied(llb.Scratch(), compiled("goreleaser build"), "/src/dist/app_linux_amd64*/", "/"), "/app", "RUN goreleaser build (runs goreleaser)"},
		{"by a pattern, through a third stage", copied(llb.Scratch(), copied(alpine(), compiled("go build -o /x/app ."), "/x/", "/dist/linux_amd64/"), "/dist/linux_*/ap*", "/app"), "/app",
			"RUN go build -o /x/app . (runs go build)"},
		{"by a pattern, through a copy under such a name", copied(llb.Scratch(), copied(alpine(), compiled("go build -o /x ."), "/x", "/dist/app-linux"), "/dist/app-*", "/app"), "/app",
			"RUN go build -o /x . (runs go build)"},
		{"by a pattern, beside what is renamed to match", copied(llb.Scratch(), run(compiled("go build -o /build/app-linux ."), "cp LICENSE /build/app-license"), "/build/app-*", "/app"), "/app",
			"RUN go build -o /build/app-linux . (runs go build)"},
		{"by a pattern, of a script, not of the tool that it calls", copied(llb.Scratch(), run(compiled("go install github.com/magefile/mage@latest && mv /go/bin/mage /usr/local/go/bin"), "mage release"), "/build/app-*", "/app"), "/app",
			"RUN mage release (runs mage)"},
		{"by a pattern, from the context", copied(alpine(), buildContext(), "/dist/app-*", "/app"), "/app", "local://context /dist/app-*"},
		{"by a pattern, over a file that is there", copied(copied(alpine(), compiled("go build -o /out ."), "/out", "/app"), buildContext(), "/dist/app-*", "/app"), "/app", "local://context /dist/app-*"},
		{"with its parents", llb.Scratch().File(llb.Copy(compiled("make"), "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true, AllowWildcard: true, IncludePatterns: []string{"out/bin/app"}})), "/out/bin/app", "RUN make (runs make)"},
		{"of a tool, not of the one that is installed before", copied(llb.Scratch(), run(compiled("go install github.com/magefile/mage@latest"), "mage release"), "/build/app", "/app"), "/app", "RUN mage release (runs mage)"},
		{"of a tool, not of the one that is compiled before", copied(llb.Scratch(), run(compiled("go build -o /usr/local/bin/mage mage.go"), "mage release"), "/build/app", "/app"), "/app", "RUN mage release (runs mage)"},
		{"of a tool that is compiled into a folder before", copied(llb.Scratch(), run(compiled("go build -o=bin/ ./tools/releaser"), "bin/releaser"), "/server", "/server"), "/server", "RUN bin/releaser (runs releaser)"},
		{"of a call that writes a folder, before another tool", copied(llb.Scratch(), run(compiled("go build -o out/ ./..."), "make docs"), "/src/out/server", "/server"), "/server", "RUN go build -o out/ ./... (runs go build)"},
		{"compiled and renamed in one step, before another tool", copied(llb.Scratch(), run(compiled("go build -o x . && mv x /server"), "make docs"), "/server", "/server"), "/server", "RUN go build -o x . && mv x /server (runs go build)"},
		{"linked", linked(alpine(), compiled("go build -o /server ."), "/server", "/server"), "/server", "RUN go build -o /server . (runs go build)"},
		{"linked below another folder", linked(linked(alpine(), compiled("go build -o /server ."), "/server", "/app/server"), buildContext(), "/config", "/app/"), "/app/server",
			"RUN go build -o /server . (runs go build)"},
		{"below another folder", copied(copied(alpine(), compiled("go build -o /server ."), "/server", "/app/server"), buildContext(), "/config", "/app/"), "/app/server",
			"RUN go build -o /server . (runs go build)"},
		{"through a third stage", copied(llb.Scratch(), copied(alpine(), compiled("go build -o /server ."), "/server", "/x/"), "/x", "/y"), "/y/server",
			"RUN go build -o /server . (runs go build)"},
		{"touched afterwards", run(run(copied(alpine(), compiled("go build -o /server ."), "/server", "/server"), "chown app /server && setcap cap_net_bind_service=+ep /server"), "adduser server"), "/server",
			"RUN go build -o /server . (runs go build)"},
		{"stripped in its stage", copied(alpine(), run(run(compiled("go build -o /server ."), "strip /server"), "upx /server"), "/server", "/server"), "/server",
			"RUN go build -o /server . (runs go build)"},
		{"stripped into another file", copied(llb.Scratch(), run(copied(alpine(), compiled("go build -o /out ."), "/out", "/in"), "strip -s -o /server /in && test -x /server"), "/server", "/server"), "/server",
			"RUN go build -o /out . (runs go build)"},
		{"stripped by objcopy into another file", copied(llb.Scratch(), run(copied(alpine(), compiled("go build -o /out ."), "/out", "/in"), "objcopy --strip-all /in /server"), "/server", "/server"), "/server",
			"RUN go build -o /out . (runs go build)"},
		{"tried out", run(copied(alpine(), compiled("go build -o /server ."), "/server", "/server"), "/server --version"), "/server", "RUN go build -o /server . (runs go build)"},
		{"renamed by mv", copied(alpine(), run(compiled("go build -o bin/x ."), "mv bin/x /server"), "/server", "/server"), "/server", "RUN go build -o bin/x . (runs go build)"},
		{"renamed by cp after cd", copied(alpine(), run(compiled("go build -o bin/x ."), "cd bin && cp x /server"), "/server", "/server"), "/server", "RUN go build -o bin/x . (runs go build)"},
		{"renamed by install", copied(alpine(), run(compiled("go build -o x ."), "install -m 755 -o root x /usr/bin/server"), "/usr/bin/server", "/server"), "/server", "RUN go build -o x . (runs go build)"},
		{"installed by name", copied(alpine(), run(compiled("go build -o server ."), "install server /usr/local/bin/"), "/usr/local/bin/server", "/server"), "/server", "RUN go build -o server . (runs go build)"},
		{"linked by ln", run(copied(alpine(), compiled("go build -o /server ."), "/server", "/opt/server"), "ln -s /opt/server /usr/bin/srv"), "/usr/bin/srv", "RUN go build -o /server . (runs go build)"},
		{"copied out of a mount", alpine().Run(llb.Shlex("cp /build/server /server"), llb.AddMount("/build", compiled("go build -o /out/server ."), llb.SourcePath("/out"), llb.Readonly)).Root(), "/server",
			"RUN go build -o /out/server . (runs go build)"},
		{"the step that names it, of two", copied(alpine(), run(compiled("go build -o /a ./cmd/a"), "go build -o /b ./cmd/b"), "/a", "/a"), "/a", "RUN go build -o /a ./cmd/a (runs go build)"},
		{"the step after the assets", copied(alpine(), run(copied(goImage(), run(alpine(), "npm run build"), "/dist", "/src/"), "make"), "/src/server", "/server"), "/server", "RUN make (runs make)"},
		{"installed at a version", copied(alpine(), run(goImage(), "go install example.com/x/cmd/server@v1.2.3"), "/go/bin/server", "/server"), "/server",
			"RUN go install example.com/x/cmd/server@v1.2.3 (runs go install)"},
		{"a set-up script afterwards", run(copied(alpine(), compiled("go build -o /server ."), "/server", "/server"), "./setup.sh"), "/server", "RUN go build -o /server . (runs go build)"},
		{"downloaded", run(alpine(), "curl -L https://example.com/server-v1.tar.gz | tar xz -C /usr/bin"), "/usr/bin/server", "RUN curl -L https://example.com/server-v1.tar.gz | tar xz -C /usr/bin"},
		{"written by a redirection", run(alpine(), "printf '#!/bin/sh' >/start.sh && chmod +x /start.sh"), "/start.sh", "RUN printf '#!/bin/sh' >/start.sh && chmod +x /start.sh"},
		{"from the context", copied(llb.Scratch(), buildContext(), "/bin/server", "/server"), "/server", "local://context /bin/server alone"},
		{"from the context into a folder", copied(alpine(), buildContext(), "/myapp", "/usr/bin/"), "/usr/bin/myapp", "local://context /myapp alone"},
		{"from a folder of the context", copied(alpine(), buildContext(), "/dist", "/app"), "/app/server", "local://context /dist/server"},
		{"from the base image", run(alpine(), "apk add tini"), "/bin/httpd", "docker-image://docker.io/library/alpine:3 /bin/httpd"},
		{"written by the Dockerfile", alpine().File(llb.Mkfile("/start.sh", 0o755, []byte("#!/bin/sh\n"))), "/start.sh", " /start.sh alone"},
		{"into a folder that is written without a slash", copied(alpine(), buildContext(), "/myapp", "/usr/bin"), "/usr/bin/myapp", "local://context /myapp alone"},
		{"nowhere", copied(llb.Scratch(), buildContext(), "/a", "/a"), "/server", "nothing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			origins, err := Origins(definition(t, tc.st), tc.file)
			if err != nil {
				t.Fatal(err)
			}
			if got := first(origins); got != tc.want {
				t.Errorf("it comes from %q, want %q, of %+v", got, tc.want, origins)
			}
		})
	}
}

// first describes the likeliest origin.
func first(origins []Origin) string {
	if len(origins) == 0 {
		return "nothing"
	}
	o := origins[0]
	text := o.Step
	if o.Step == "" {
		text = o.Source + " " + o.Path
	}
	if o.Compiles != "" {
		text += " (" + o.Compiles + ")"
	}
	if o.Alone {
		text += " alone"
	}
	return text
}

func TestOriginsAreNamedWhereTheDockerfileNamesTheFile(t *testing.T) {
	for _, tc := range []struct {
		name string
		st   llb.State
		file string
		want bool
	}{
		{"a copy of it", copied(alpine(), compiled("make"), "/src/dlv", "/dlv"), "/dlv", true},
		{"a copy of it into a folder", copied(alpine(), compiled("make"), "/src/dlv", "/"), "/dlv", true},
		{"a copy of it into a folder without a slash", copied(alpine(), compiled("make"), "/src/dlv", "/bin"), "/bin/dlv", true},
		{"a step that makes it in a copied folder", copied(alpine(), compiled("go build -o /out/dlv ."), "/out", "/"), "/dlv", true},
		{"a copy of another file into its folder", copied(alpine(), compiled("go build -o /out/server ."), "/out/server", "/"), "/dlv", false},
		{"a copied folder", copied(alpine(), compiled("make"), "/out", "/"), "/dlv", false},
		{"a step with its name for something else", run(alpine(), "runuser -u dlv -- ./prepare"), "/usr/bin/dlv", false},
	} {
		origins, err := Origins(definition(t, tc.st), tc.file)
		if err != nil || len(origins) == 0 {
			t.Fatalf("%s: %+v, %v", tc.name, origins, err)
		}
		if origins[0].Named != tc.want {
			t.Errorf("%s: named is %t, want %t, of %+v", tc.name, origins[0].Named, tc.want, origins)
		}
	}
}

// A pattern may match nothing, which is no error: what is below stays.
func TestPatternsMayLeaveWhatIsBelow(t *testing.T) {
	st := copied(copied(alpine(), compiled("go build -o /out ."), "/out", "/app"), buildContext(), "/dist/ap[p]", "/app")
	origins, err := Origins(definition(t, st), "/app")
	if err != nil || len(origins) < 2 || origins[0].Alone || origins[1].Compiles == "" {
		t.Errorf("%+v, %v", origins, err)
	}
}

func TestOriginsThatNobodyNamesAreNotLikely(t *testing.T) {
	def := definition(t, run(copied(alpine(), compiled("go build -o /server ."), "/server", "/server"), "./setup.sh"))
	for file, want := range map[string]bool{"/server": true, "/bin/sh": false} {
		origins, err := Origins(def, file)
		if err != nil || len(origins) == 0 {
			t.Fatalf("%s: %v, %v", file, origins, err)
		}
		if origins[0].Likely != want {
			t.Errorf("%s: likely is %t, of %+v", file, origins[0].Likely, origins[0])
		}
	}
}

func TestTheOriginsOfCrossedCopiesAreFoundInTime(t *testing.T) {
	a, b := compiled("make"), compiled("make install")
	for range 40 { // 2^40 ways
		a, b = copied(a, b, "/out", "/out"), copied(b, a, "/out", "/out")
	}
	origins, err := Origins(definition(t, a), "/out/server")
	if err != nil || len(origins) == 0 || !strings.HasPrefix(origins[0].Step, "RUN make") {
		t.Errorf("%d origins, %v", len(origins), err)
	}
}

func TestReadableOriginsHaveADefinitionOfTheirOwn(t *testing.T) {
	base := compiled("go build -o /server .")
	for name, st := range map[string]llb.State{
		"context": copied(base, buildContext(), "/start.sh", "/start.sh"),
		"file":    base.File(llb.Mkfile("/start.sh", 0o755, []byte("#!/bin/sh\n"))),
		"archive": base.File(llb.Copy(buildContext(), "/root.tar", "/", &llb.CopyInfo{AttemptUnpack: true})),
	} {
		t.Run(name, func(t *testing.T) {
			origins, err := Origins(definition(t, st), "/start.sh")
			if err != nil {
				t.Fatal(err)
			}
			i := 0
			for !origins[i].Readable() {
				i++
			}
			def, err := origins[i].Definition()
			if err != nil {
				t.Fatal(err)
			}
			if needs, err := builds(def); err != nil || needs {
				t.Errorf("it builds: %t, %v", needs, err)
			}
			if n := len(mustDecode(t, def)); n > 3 {
				t.Errorf("it has %d ops", n)
			}
		})
	}
}

func TestBrokenDefinitionsHaveNoOrigins(t *testing.T) {
	def := definition(t, hello())
	def.Def = def.Def[1:]
	if origins, err := Origins(def, "/server"); err == nil {
		t.Errorf("%s", fmt.Sprint(origins))
	}
	if origins, err := Origins(nil, "/server"); err != nil || len(origins) != 0 {
		t.Errorf("%v, %v", origins, err)
	}
}

// builds tells whether a definition has steps, or files of images. Any other only
// reads files that somebody wrote: a context, an archive, the Dockerfile.
func builds(def *pb.Definition) (bool, error) {
	vertices, err := decode(def)
	return slices.ContainsFunc(vertices, func(v vertex) bool {
		return v.op.GetExec() != nil || strings.HasPrefix(v.op.GetSource().GetIdentifier(), "docker-image://") ||
			strings.HasPrefix(v.op.GetSource().GetIdentifier(), "oci-layout://")
	}), err
}
