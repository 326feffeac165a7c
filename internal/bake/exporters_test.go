package bake

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
)

// buildKitSource is the source of the BuildKit that go.mod names.
type buildKitSource struct {
	t     *testing.T
	dir   string
	named map[string]string // strings by the name of their constant or variable
}

// readBuildKit reads the packages that name exporters and their attributes.
func readBuildKit(t *testing.T) *buildKitSource {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/buildkit").Output()
	if err != nil {
		t.Fatal(err)
	}
	s := &buildKitSource{t: t, dir: strings.TrimSpace(string(out)), named: map[string]string{}}
	for _, pkg := range []string{
		"client", "exporter/containerimage", "exporter/containerimage/exptypes", "exporter/exptypes", "exporter/oci", "exporter/local", "util/compression",
	} {
		maps.Copy(s.named, s.strings(pkg))
	}
	return s
}

// strings are the constants and variables of a package that are strings, by name.
func (s *buildKitSource) strings(pkg string) map[string]string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, pkg, "*.go"))
	if err != nil || len(files) == 0 {
		s.t.Fatalf("BuildKit has no package %s: %v", pkg, err)
	}
	found := map[string]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		ast.Inspect(s.parse(path), func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					found[spec.Names[i].Name], _ = strconv.Unquote(literal.Value)
				}
			}
			return true
		})
	}
	return found
}

func (s *buildKitSource) parse(path string) *ast.File {
	s.t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return file
}

// cases are the values of the cases of all switches in a function.
func (s *buildKitSource) cases(path, function string) []string {
	s.t.Helper()
	var values []string
	for _, decl := range s.parse(filepath.Join(s.dir, path)).Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Name.Name != function {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CaseClause); ok {
				for _, value := range c.List {
					values = append(values, s.value(value))
				}
			}
			return true
		})
	}
	if len(values) == 0 {
		s.t.Fatalf("%s has no function %s with a switch: look where BuildKit reads exporters now", path, function)
	}
	return values
}

// value is the string that an expression stands for.
func (s *buildKitSource) value(e ast.Expr) string {
	s.t.Helper()
	name := ""
	switch e := e.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		if err != nil {
			s.t.Fatal(err)
		}
		return value
	case *ast.CallExpr: // a conversion
		return s.value(e.Args[0])
	case *ast.Ident:
		name = e.Name
	case *ast.SelectorExpr:
		name = e.Sel.Name
	}
	value, ok := s.named[name]
	if name == "OptKeySourceDateEpoch" {
		value, ok = "source-date-epoch", true // another constant's value
	}
	if !ok {
		s.t.Fatalf("the value of %q is not known", name)
	}
	return value
}

// prefixed are the strings of a package whose names begin so.
func (s *buildKitSource) prefixed(pkg, prefix string) []string {
	s.t.Helper()
	var values []string
	for name, value := range s.strings(pkg) {
		if strings.HasPrefix(name, prefix) {
			values = append(values, value)
		}
	}
	if len(values) == 0 {
		s.t.Fatalf("%s has no %s…: look where BuildKit names its attributes now", pkg, prefix)
	}
	return values
}

func sorted(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestTheTableHasEveryExporterOfBuildKit fails where a new BuildKit has an exporter or an
// attribute that may write a name. Say in exporterAttrs what it is, and in namespace
// where it writes.
func TestTheTableHasEveryExporterOfBuildKit(t *testing.T) {
	s := readBuildKit(t)
	if diff := cmp.Diff(sorted(s.cases("worker/base/worker.go", "Exporter")), sorted(slices.Collect(maps.Keys(exporterAttrs)))); diff != "" {
		t.Errorf("exporters (-BuildKit +table):\n%s", diff)
	}
	if diff := cmp.Diff(sorted(s.prefixed("client", "Exporter")), sorted(slices.Collect(maps.Keys(exporterAttrs)))); diff != "" {
		t.Errorf("exporters by name (-BuildKit +table):\n%s", diff)
	}
	epoch := s.prefixed("exporter/exptypes", "OptKey")
	commit := sorted(s.cases("exporter/containerimage/opts.go", "Load"), s.prefixed("util/compression", "attr"), epoch)
	// An option of BuildKit's own tests, which is not taken.
	const internal = "unsafe-internal-store-allow-incomplete"
	for kind, attrs := range map[string][]string{
		client.ExporterImage:  sorted(commit, s.cases("exporter/containerimage/export.go", "Resolve"), s.prefixed("exporter/containerimage/exptypes", "OptKey")),
		client.ExporterOCI:    sorted(commit, s.cases("exporter/oci/export.go", "Resolve"), s.prefixed("exporter/oci", "key")),
		client.ExporterDocker: sorted(commit, s.cases("exporter/oci/export.go", "Resolve"), s.prefixed("exporter/oci", "key")),
		client.ExporterLocal:  sorted(epoch, s.cases("exporter/local/fs.go", "Load"), s.prefixed("exporter/local", "key")),
		client.ExporterTar:    sorted(epoch, s.cases("exporter/local/fs.go", "Load"), s.prefixed("exporter/local", "key")),
	} {
		attrs = slices.DeleteFunc(attrs, func(key string) bool { return key == internal })
		if diff := cmp.Diff(attrs, sorted(slices.Collect(maps.Keys(exporterAttrs[kind])))); diff != "" {
			t.Errorf("attributes of %s (-BuildKit +table):\n%s", kind, diff)
		}
	}
}

func TestTheTableHasEveryCacheExporterOfBuildKit(t *testing.T) {
	s := readBuildKit(t)
	var kinds []string
	ast.Inspect(s.parse(filepath.Join(s.dir, "cmd", "buildkitd", "main.go")), func(n ast.Node) bool {
		assigned, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		if name, ok := assigned.Lhs[0].(*ast.Ident); !ok || name.Name != "remoteCacheExporterFuncs" {
			return true
		}
		ast.Inspect(assigned, func(n ast.Node) bool {
			if element, ok := n.(*ast.KeyValueExpr); ok {
				kinds = append(kinds, s.value(element.Key))
			}
			return true
		})
		return false
	})
	if diff := cmp.Diff(sorted(kinds), sorted(slices.Collect(maps.Keys(cacheExporters)))); diff != "" {
		t.Errorf("cache exporters (-BuildKit +table):\n%s", diff)
	}
	// What setCacheTags reads is all that names something.
	attrs := sorted(s.prefixed("cache/remotecache/registry", "attr"))
	if diff := cmp.Diff([]string{"image-manifest", "oci-mediatypes", "ref", "registry.insecure"}, attrs); diff != "" {
		t.Errorf("attributes of a cache in a registry (-known +BuildKit):\n%s", diff)
	}
}

// TestABuildExportsInNoOtherWay fails where BuildKit's client learns another way to ask
// for an export.
func TestABuildExportsInNoOtherWay(t *testing.T) {
	for _, test := range []struct {
		value any
		known []string
	}{
		{client.SolveOpt{}, []string{
			"Exports", "CacheExports", // through exporterAttrs and cacheExporters
			"EnableSessionExporter", // never set: exporters of the session's choice
			"CompatibilityVersion", "LocalMounts", "LocalFilterOpt", "OCIStores", "SharedKey", "Frontend", "FrontendAttrs", "FrontendInputs",
			"CacheImports", "Session", "AllowedEntitlements", "SharedSession", "SessionPreInitialized", "Internal", "SourcePolicy", "SourcePolicyProvider",
			"ProxyNetwork", "Ref",
		}},
		{client.ExportEntry{}, []string{"Type", "Attrs", "Output", "OutputDir", "OutputStore"}},
		{client.CacheOptionsEntry{}, []string{"Type", "Attrs"}},
	} {
		var fields []string
		for field := range reflect.TypeOf(test.value).Fields() {
			fields = append(fields, field.Name)
		}
		if diff := cmp.Diff(sorted(test.known), sorted(fields)); diff != "" {
			t.Errorf("%T (-known +BuildKit):\n%s", test.value, diff)
		}
	}
}

// TestEveryNameThatIsSentIsAsked compares what the exports carry with what the guard asks
// for, for every exporter and both values of each switch.
func TestEveryNameThatIsSentIsAsked(t *testing.T) {
	for kind, attrs := range exporterAttrs {
		for key := range attrs {
			for _, value := range []string{"", "true", "false", "0", "T"} {
				arg := "type=" + kind + "," + key + "=" + value
				o := Options{Tags: []string{"one.example/app:v1", "two.example/app:v1"}, Variants: asked(t, "remote,attach"), Outputs: []string{arg}}
				insecure := o
				insecure.Insecure, insecure.Outputs = []string{"two.example"}, []string{arg + ",dest=out"}
				r, err := newRequest(t, insecure)
				if err != nil {
					r, err = newRequest(t, o)
				}
				if err != nil {
					continue
				}
				checkNames(t, arg, r)
				checkEngineNames(t, arg, r)
			}
		}
	}
}

func checkNames(t *testing.T, arg string, r *Request) {
	t.Helper()
	asked := map[namespace][]string{}
	for _, at := range []namespace{inRegistry, inEngine, inStore} {
		for _, ref := range r.names(at) {
			asked[at] = append(asked[at], ref.String())
		}
	}
	sent := map[namespace][]string{}
	b := &builder{Request: r}
	for _, img := range r.images {
		res := &Result{Image: img}
		entries, _, err := b.exports(t.Context(), nil, res)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names := strings.Split(e.Attrs["name"], ",")
			push, err := isOn(e.Attrs["push"])
			_, pushed := e.Attrs["push"]
			switch {
			case e.Type == client.ExporterImage && pushed && (push || err != nil):
				if e.Attrs["push-by-digest"] != "true" || e.Attrs["store"] != "false" {
					t.Errorf("%s: pushed by name: %v", arg, e.Attrs)
				}
				for _, ref := range res.Refs {
					if slices.Contains(names, ref.Repository()) {
						sent[inRegistry] = append(sent[inRegistry], ref.String())
					}
				}
			case e.Type == client.ExporterImage && e.Attrs["store"] != "false":
				sent[inStore] = append(sent[inStore], names...)
			case e.Type == client.ExporterDocker && e.Output != nil && len(res.Files) == 0:
				sent[inEngine] = append(sent[inEngine], names...)
			}
		}
	}
	for _, at := range []namespace{inRegistry, inEngine, inStore} {
		if diff := cmp.Diff(sorted(sent[at]), sorted(asked[at])); diff != "" {
			t.Errorf("%s: in %d (-sent +asked):\n%s", arg, at, diff)
		}
	}
}

// checkEngineNames does the same where Docker Engine builds: its exporter names images.
func checkEngineNames(t *testing.T, arg string, r *Request) {
	t.Helper()
	for _, on := range []*builders.Builder{{Engine: &builders.Engine{}}, {Engine: &builders.Engine{}, Classic: true}} {
		if on.Classic && r.checkClassic() != nil {
			continue
		}
		b := &builder{Request: r, on: on}
		var sent, asked []string
		for _, p := range r.images {
			entries, load, err := b.exports(t.Context(), nil, &Result{Image: p})
			if err != nil || load != nil {
				t.Fatalf("%s: an image is sent to the engine that has it: %v", arg, err)
			}
			for _, e := range entries {
				if e.Type == exporterMoby && e.Attrs["name"] != "" {
					sent = append(sent, strings.Split(e.Attrs["name"], ",")...)
				}
			}
		}
		for _, ref := range b.engineNames() {
			asked = append(asked, ref.String())
		}
		if diff := cmp.Diff(sorted(asked), sorted(sent)); diff != "" {
			t.Errorf("%s: classic %v (-asked +sent):\n%s", arg, on.Classic, diff)
		}
	}
}
