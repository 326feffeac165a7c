package planfile_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/planfile"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

// What the programs in images read of a plan is what package variants has written there,
// field by field. Each is in one of the plans at least.
func TestPlansAreReadAsTheyAreWritten(t *testing.T) {
	files, err := filepath.Glob("../../testdata/plans/*.json")
	if err != nil || len(files) < len(variants.Names()) {
		t.Fatalf("the plans are %q, %v", files, err)
	}
	filled := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		written, err := variants.ParsePlan(data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var want planfile.Plan
		want.Request.Variant.Kind = string(written.Request.Variant.Kind)
		want.Request.Start = string(written.Request.Start)
		want.Request.Entry = string(written.Request.Entry)
		want.Production.Entrypoint = written.Production.Entrypoint
		want.Production.Cmd = written.Production.Cmd
		want.Program.Path = written.Program.Path
		want.Program.Real = written.Program.Real
		want.Program.Args = written.Program.Args
		want.Program.ImportPath = written.Program.ImportPath
		want.Program.BuildID = written.Program.BuildID
		if s := written.Symbols; s != nil {
			want.Symbols = &planfile.Symbols{File: s.File, BuildID: s.BuildID, Sections: s.Sections}
		}
		want.Prefix = written.Prefix
		want.Debugger = written.Debugger
		want.Command = written.Command
		got, err := planfile.Read(file)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-written +read):\n%s", file, err, diff)
		}
		fill(filled, reflect.ValueOf(got), "Plan")
	}
	for name, ok := range filled {
		if !ok {
			t.Errorf("no plan of testdata has anything for %s", name)
		}
	}
}

// fill notes which fields have a value.
func fill(filled map[string]bool, v reflect.Value, name string) {
	if v.Kind() == reflect.Pointer {
		filled[name] = filled[name] || !v.IsNil()
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Invalid:
	case reflect.Struct:
		for i := range v.NumField() {
			fill(filled, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
	default:
		filled[name] = filled[name] || !v.IsZero()
	}
}

// A plan of a later format is not read, not even where it would not fit: the error says
// what to use.
func TestAPlanOfALaterFormatNamesTheDlvgenToUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	for _, test := range []struct{ content, want string }{
		{`{"format": 2, "version": "v9.9.9", "program": "/server", "debugger": ["/dlv"]}`,
			`: this dlvgen does not know its format, 2: use the dlvgen that derived the image, "v9.9.9"`},
		{`{"format": 1, "version": "v1.0.0", "debugger": ["/dlv"]}`, ""},
		{`{"version": "v0.1.0", "debugger": ["/dlv"]}`, ""}, // from before formats
	} {
		if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := planfile.Read(file)
		switch {
		case test.want == "" && (err != nil || len(got.Debugger) != 1):
			t.Errorf("%s: %+v, %v", test.content, got, err)
		case test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), test.want) || got.Debugger != nil):
			t.Errorf("%s: %+v, %v, want %q", test.content, got, err, test.want)
		}
	}
}
