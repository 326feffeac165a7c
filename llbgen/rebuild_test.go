package llbgen

import (
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/moby/buildkit/client/llb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// shop is the build information of a program that was compiled with these settings, KEY=VALUE.
func shop(settings ...string) *debug.BuildInfo {
	info := &debug.BuildInfo{Path: "example.com/shop/cmd/server/v2", Main: debug.Module{Path: "example.com/shop", Version: "v1.2.3", Sum: "h1:sum"}}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		info.Settings = append(info.Settings, debug.BuildSetting{Key: key, Value: value})
	}
	return info
}

func rebuildOf(info *debug.BuildInfo) Rebuild {
	return Rebuild{
		Program: "/app/server", Info: info, Image: goImage(), Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
		Run: []llb.RunOption{llb.Network(llb.NetModeHost)},
	}
}

func TestRebuildDefinitionsAreTheGoldens(t *testing.T) {
	r := rebuildOf(shop("-buildmode=pie", "-compiler=gc", "-tags=a,b", "-trimpath=true", "CGO_ENABLED=0", "GOARCH=arm64", "GOOS=linux", "GOARM64=v8.0", "vcs.revision=0123"))
	context, _ := r.FromContext(llb.Local("context"), "services/shop")
	module, _ := r.FromModule()
	for name, st := range map[string]llb.State{"rebuild-context": context, "rebuild-module": module, "rebuild-download": r.Download()} {
		def := definition(t, st)
		in := instrument(t, def, InstrumentOptions{})
		if len(in.Steps) > 0 {
			in = instrument(t, def, InstrumentOptions{Toolchains: map[digest.Digest]Toolchain{in.Steps[0].Digest: usualToolchain}})
		}
		if compiles := name != "rebuild-download"; len(in.Steps) == 1 != compiles {
			t.Errorf("%s: %d steps are instrumented", name, len(in.Steps))
		}
		got, err := llbtree.Format(in.Definition)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join("..", "testdata", "llb", name+".tree"), got)
	}
}

func TestRebuildFindsTheProgram(t *testing.T) {
	for _, tc := range []struct{ pkg, goarch, want string }{
		{"example.com/shop", "amd64", "/go/bin/shop"},
		{"example.com/shop/v2", "amd64", "/go/bin/shop"},
		{"example.com/shop/v1", "amd64", "/go/bin/v1"},
		{"example.com/shop/cmd/v10", "arm64", "/go/bin/linux_arm64/cmd"},
		{"example.com/shop/vault", "amd64", "/go/bin/vault"},
	} {
		info := shop("GOARCH="+tc.goarch, "GOOS=linux")
		info.Path = tc.pkg
		if _, got := rebuildOf(info).FromModule(); got != tc.want {
			t.Errorf("%s for %s: %s, want %s", tc.pkg, tc.goarch, got, tc.want)
		}
	}
	if _, got := rebuildOf(shop()).FromContext(llb.Scratch(), "."); got != "/rebuilt/server" {
		t.Errorf("from the context: %s", got)
	}
}

func TestSettingsBecomeFlagsAndEnvironment(t *testing.T) {
	for _, tc := range []struct {
		settings      []string
		dwarf, symtab bool
		flags, env    string
	}{
		{settings: []string{"-buildmode=exe", "-compiler=gc", "CGO_ENABLED=1", "CGO_CFLAGS=-O2", "GOOS=linux", "GOAMD64=v3"}, env: "CGO_ENABLED=1 CGO_CFLAGS=-O2 GOOS=linux GOAMD64=v3"},
		{settings: []string{"-ldflags=-s -w -X a=b", "-race=true", "-tags=netgo"}, flags: "-ldflags=-s -w -X a=b|-race|-tags=netgo"},
		{settings: []string{"-trimpath=true"}, flags: "-trimpath|-ldflags=-s -w"},
		{settings: []string{"-trimpath=true"}, symtab: true, flags: "-trimpath|-ldflags=-w"},
		{settings: []string{"-trimpath=true"}, symtab: true, dwarf: true, flags: "-trimpath"},
		// What a found file says does not switch the checks of downloads off.
		{settings: []string{"GONOSUMDB=*", "GOFLAGS=-insecure", "GOPROXY=http://example.com", "-toolexec=/bin/sh", "-modfile=/x", "GOSUMDB=off", "-pgo=/home/x.pgo", "DefaultGODEBUG=x=1"}},
	} {
		r := rebuildOf(shop(tc.settings...))
		r.DWARF, r.Symtab = tc.dwarf, tc.symtab
		if got := strings.Join(r.flags(), "|"); got != tc.flags {
			t.Errorf("%q: the flags are %s, want %s", tc.settings, got, tc.flags)
		}
		if got := strings.Join(r.env(), " "); got != tc.env {
			t.Errorf("%q: the environment is %s, want %s", tc.settings, got, tc.env)
		}
	}
}

// What the program was linked with is linked in again, and told nobody.
func TestRebuildsTellNoValueThatIsLinkedIn(t *testing.T) {
	r := rebuildOf(shop("-ldflags=-s -X main.key=hunter2", "-compiler=gc"))
	context, _ := r.FromContext(llb.Local("context"), ".")
	module, _ := r.FromModule()
	for name, st := range map[string]llb.State{"context": context, "module": module} {
		in := instrument(t, definition(t, st), InstrumentOptions{})
		tree, err := llbtree.Format(in.Definition)
		if err != nil {
			t.Fatal(err)
		}
		if told := tree + in.Steps[0].Name; strings.Contains(told, "hunter2") || !strings.Contains(in.Steps[0].Name, "-X main.key=<sha256:") {
			t.Errorf("%s: told is\n%s", name, told)
		}
		if linked := slices.ContainsFunc(in.Definition.Def, func(dt []byte) bool { return strings.Contains(string(dt), "-X main.key=hunter2") }); !linked {
			t.Errorf("%s: the value is not linked in", name)
		}
	}
	if told := strings.Join(append(r.ContextCommand(), r.ModuleCommand()...), " "); strings.Contains(told, "hunter2") {
		t.Errorf("the commands are %s", told)
	}
}

func TestBuildInformationThatIsNotEnough(t *testing.T) {
	files, outside := shop("-compiler=gc"), shop("-compiler=gc")
	files.Path, outside.Main.Path = "command-line-arguments", ""
	for want, info := range map[string]*debug.BuildInfo{
		"":                     shop("-compiler=gc"),
		"compiled from files":  files,
		"outside of a module":  outside,
		"has no settings":      shop(),
		"compiled with gccgo,": shop("-compiler=gccgo"),
	} {
		if err := CheckRebuild(info); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestBuildInformationRunsNoProgram has that of an image which is a stranger's.
func TestBuildInformationRunsNoProgram(t *testing.T) {
	flagForPackage, flagForModule := shop("-compiler=gc"), shop("-compiler=gc")
	flagForPackage.Path, flagForModule.Main.Path = "-toolexec=/src/run", "-modfile=/src/run"
	oldGo := shop("-compiler=gc", `CGO_CFLAGS='-DX -fplugin=/src/run.so -DY'`) // which knew no quotes there
	oldGo.GoVersion = "go1.14"
	refused := []*debug.BuildInfo{flagForPackage, flagForModule, oldGo}
	for _, setting := range []string{
		"-ldflags=-linkmode=external -extld=/src/run", "-ldflags=all=-s --extar /src/run", "-ldflags=-extldflags=-fplugin=/src/run.so",
		`-ldflags=-extldflags "-static -B/src"`, "-ldflags=-extldflags '-Wl,-z,now,-plugin,/src/run.so'", "-ldflags=-extldflags=-Wl,--plugin=/src/run.so", "CGO_LDFLAGS=-Wl,-mllvm,-load=/src/run.so", "CGO_LDFLAGS=-Wl,--load-pass-plugin=/src/run.so", "-ldflags='-s",
		"CGO_LDFLAGS=-O2 -g -fuse-ld=/src/run", "CGO_LDFLAGS=-Wl,@/src/flags", "CGO_LDFLAGS=-Xlinker -plugin=/src/run.so",
		"CGO_CFLAGS=-O2 -wrapper /src/run", "CGO_CFLAGS=@/src/flags", "CGO_CPPFLAGS=-specs=/src/run", "CGO_CXXFLAGS='-fpass-plugin=/src/run.so'", "CGO_CFLAGS=-Xclang -load",
		"CGO_CFLAGS=-Wp,-fplugin=/src/run.so", "CGO_CFLAGS=-Wa,@/src/flags",
		"-ldflags=-s @/src/flags", "-ldflags=-X @/src/flags", "-ldflags=-s -- -extld=/src/run", "-ldflags=-o=/usr/local/go/bin/go", "-ldflags=-tmpdir /etc", "-ldflags=-I=@/src/flags", "-ldflags=-r /lib,-plugin,/src/run.so",
		"-gcflags=all=-N @/src/flags", "-gcflags=-o=/etc/profile", "-asmflags=-o /etc/profile", "CGO_CFLAGS=-mllvm -load -mllvm /src/run.so", "CGO_LDFLAGS=-gcc-toolchain /src",
	} {
		refused = append(refused, shop("-compiler=gc", setting))
	}
	for _, info := range refused {
		if err := CheckRebuild(info); err == nil {
			t.Errorf("%s with %v is compiled", info.Path, info.Settings)
		}
	}
	for _, setting := range []string{
		"-ldflags=-s -w -X main.version=v1 -linkmode=external -extldflags '-static -Wl,-z,relro,-z,now -Wl,--build-id=none'", `-ldflags=-X "main.a=b c" -extldflags=-static-pie`,
		"CGO_LDFLAGS=-O2 -g -L/usr/local/lib -lsqlite3 -Wl,-rpath,/opt/lib -Wl,--as-needed -fuse-ld=gold", "CGO_CFLAGS=-O2 -g -I/opt/include -DX=1 -std=gnu11 -fPIC -Wall -Wno-error -isystem /opt -march=x86-64-v3 -fstack-protector-strong",
		"-gcflags=all=-l", "-gcflags=-l -d=checkptr=0 -c=4", "-asmflags=all=-trimpath=/src", "-ldflags=", "-ldflags=-B 0x1234 -I /lib/ld-musl-x86_64.so.1 -r /opt/lib -buildid= -compressdwarf=false -H windowsgui",
		"CGO_CFLAGS=-O2 -g3 -ggdb -gdwarf-4 -m64 -msse4.2 -mno-avx -mtune=generic -mmacosx-version-min=11.0",
	} {
		if err := CheckRebuild(shop("-compiler=gc", setting)); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

func TestGolangTags(t *testing.T) {
	for version, want := range map[string][]string{
		"go1.26.8":                {"1.26.8", "1.26"},
		"go1.20":                  {"1.20"},
		"go1.27rc1":               {"1.27rc1"},
		"go1.26.8 X:jsonv2":       {"1.26.8", "1.26"},
		"go1.22.5-distribution":   {"1.22.5", "1.22"},
		"devel go1.27-0123abc":    nil,
		"devel +0123abc Mon 2020": nil,
		"":                        nil,
		"go1.":                    nil,
	} {
		if got := GolangTags(version); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", version, got, want)
		}
	}
}
