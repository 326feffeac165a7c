package cli

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// chosen are answers other than those of the sidecar to all that can be asked for.
var chosen = map[string]string{
	"sources": "excluded", "start": "continue", "entry": "inplace", "optimize": "true", "listen": "127.0.0.1:4000",
	"program": "/srv/app", "delve": "1.25.2", "delve-arg": "--log --log-output=rpc,dap", "rebuild": "context", "rebuild-image": "golang:1.26",
	"no-go-cache": "true", "print-llb": "true",
}

// namesIn lists the flags of a set.
func namesIn(fs *pflag.FlagSet) []string {
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// TestEveryAxisComesThroughEveryWay follows each from where users write it to the
// request that the gateway reads.
func TestEveryAxisComesThroughEveryWay(t *testing.T) {
	sidecar := requested(t, frontend.Attrs(variants.Request{Variant: variants.Variant{Name: "sidecar"}}))
	axes, settings := namesIn(frontend.Axes(&variants.Request{})), namesIn(frontend.Settings(&variants.Request{}))
	if names := slices.Sorted(maps.Keys(chosen)); !slices.Equal(names, slices.Sorted(slices.Values(settings))) {
		t.Fatalf("the test chooses %q, and there are %q", names, settings)
	}
	var all variants.Request
	for _, name := range settings {
		t.Run(name, func(t *testing.T) {
			value := chosen[name]
			want := sidecar
			if err := frontend.Settings(&want).Set(name, value); err != nil {
				t.Fatal(err)
			}
			if err := frontend.Settings(&all).Set(name, value); err != nil {
				t.Fatal(err)
			}
			if cmp.Equal(sidecar, want) {
				t.Fatalf("--%s=%s changes nothing in a request", name, value)
			}
			arg := "build-arg:DLVGEN_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			words := strings.Fields(strings.ReplaceAll(" "+value, " ", " --"+name+"="))
			ways := map[string]variants.Request{
				"flag":        sent(t, append([]string{"--variant", "sidecar"}, words...)...),
				"build arg":   requested(t, map[string]string{"build-arg:DLVGEN_VARIANT": "sidecar", arg: value}),
				"syntax line": requested(t, map[string]string{"cmdline": "x --variant=sidecar " + strings.Join(words, " ")}),
			}
			if slices.Contains(axes, name) {
				dir := newProject(t, fmt.Sprintf("variants: {sidecar: {%s: %q}}", name, value))
				if name == "optimize" {
					dir = newProject(t, "variants: {sidecar: {optimize: yes}}")
				}
				ways["project file"] = sent(t, "--variant", "sidecar", dir)
				documented(t, name)
			}
			for way, got := range ways {
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", way, diff)
				}
			}
		})
	}
	for _, unset := range zeroIn(reflect.ValueOf(all), "") {
		// Those of one variant alone are no axes, as those that name it.
		if !slices.Contains([]string{".Preset", ".Variant.Name", ".Variant.Suffix", ".Variant.Kind", ".Test", ".TestArgs"}, unset) {
			t.Errorf("the field %s of a request has no flag in frontend.Axes", unset)
		}
	}
}

// TestAPresetComesThroughTheGateway follows what a request is called.
func TestAPresetComesThroughTheGateway(t *testing.T) {
	got := sent(t, "--variant", "fast", newProject(t, fast))
	if got.Preset != "fast" || got.Variant.Suffix != "-dbg" || got.Variant.Name != "remote" || got.Variant.Kind != variants.KindRemote {
		t.Errorf("the gateway reads %+v", got)
	}
}

// TestATemplateComesThroughEveryWay: in the form in which all ways have it.
func TestATemplateComesThroughEveryWay(t *testing.T) {
	for written, want := range map[string]string{"{repository}-debug:{tag}": "{repository}-debug:{tag}", "{repository}:{tag}-dbg": "-dbg"} {
		for way, got := range map[string]variants.Request{
			"flag":         sent(t, "--tag-suffix", "remote="+written),
			"project file": sent(t, newProject(t, fmt.Sprintf("variants: {remote: {suffix: %q}}", written))),
			"build arg":    requested(t, map[string]string{"build-arg:DLVGEN_VARIANT": "remote", "build-arg:DLVGEN_TAG_SUFFIX": written}),
			"syntax line":  requested(t, map[string]string{"cmdline": "x --variant=remote --tag-suffix=" + written}),
		} {
			if got.Variant.Suffix != want {
				t.Errorf("%s, by %s: got %q, want %q", written, way, got.Variant.Suffix, want)
			}
		}
	}
}

// sent is the request that a command line sends to the gateway.
func sent(t *testing.T, args ...string) variants.Request {
	t.Helper()
	flags, _ := mustParse(t, args...)
	got := requested(t, frontend.Attrs(flags.Variants[0]))
	if diff := cmp.Diff(flags.Variants[0], got); diff != "" {
		t.Errorf("the gateway reads another request (-sent +read):\n%s", diff)
	}
	return got
}

// requested is the request that the gateway reads.
func requested(t *testing.T, attrs map[string]string) variants.Request {
	t.Helper()
	r, err := frontend.ParseRequest(attrs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// documented fails the test where the page with all axes lacks one.
func documented(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/variants.md")
	if err != nil {
		t.Fatal(err)
	}
	if row := "| `--" + name + "` | `DLVGEN_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "` |"; !strings.Contains(string(text), row) {
		t.Errorf("docs/variants.md has no row %s", row)
	}
}

// zeroIn lists the fields that are not set, those of structs in place of the struct.
func zeroIn(v reflect.Value, path string) []string {
	if v.Kind() != reflect.Struct {
		if v.IsZero() {
			return []string{path}
		}
		return nil
	}
	var list []string
	for field, value := range v.Fields() {
		list = append(list, zeroIn(value, path+"."+field.Name)...)
	}
	return list
}
