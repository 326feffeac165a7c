package frontend

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/flagvalue"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/spf13/pflag"
	"golang.org/x/mod/module"
)

// Axes are flags for what can be chosen of any variant, bound to the fields of a
// request: what they take is valid. A new one is a field and a line here. They are
// written behind the reference of a syntax line (# syntax=dlvgen/dlvgen:1 --start=hold),
// as build args (DLVGEN_START=hold), on the command line and as keys of a project file.
func Axes(r *variants.Request) *pflag.FlagSet {
	fs := pflag.NewFlagSet("dlvgen", pflag.ContinueOnError)
	fs.Usage = func() {}
	fs.SortFlags = false
	fs.Var(word(&r.Variant.Sources, either(variants.SourcesBaked, variants.SourcesExcluded)), "sources", `sources in the image: "baked" or "excluded" (default: depends on the variant)`)
	fs.Var(word(&r.Start, either(variants.StartHold, variants.StartContinue)), "start", `what the program does until a client connects: "hold" or "continue" (default "hold")`)
	fs.Var(word(&r.Entry, either(variants.EntryCmd, variants.EntryInplace)), "entry", `what starts the debugger: "cmd", the image's command, or "inplace", a launcher at the program's path (default: "cmd" if the command starts the program directly)`)
	fs.BoolVar(&r.Optimize, "optimize", r.Optimize, "keep production's optimizations; change only flags that strip debug information")
	fs.Var(word(&r.Listen, checkListen), "listen", "address that the debugger listens on, HOST:PORT or :PORT (default "+variants.DefaultListen+")")
	fs.Var(word(&r.Program, checkProgram), "program", "path of the program to debug in the image (default: the one that the image starts)")
	fs.StringVar(&r.Delve, "delve", r.Delve, "version of Delve (default: one that supports the program's Go)")
	fs.Var(flagvalue.Words(&r.DelveArgs, delve.CheckArgs), "delve-arg", "extra flag for Delve, such as --log; repeat it or separate flags with spaces")
	fs.Var(word(&r.Rebuild, variants.Rebuild.Check), "rebuild", `compile a copied-in program again: from the build "context", from its "module" (Go module proxy), "auto", or "off" (default "off", without a value "auto")`)
	fs.Lookup("rebuild").NoOptDefVal = string(variants.RebuildAuto)
	fs.StringVar(&r.RebuildImage, "rebuild-image", r.RebuildImage, "image with Go that --rebuild compiles in, or "+variants.RebuildHost+": Go of this machine's go command (default: the golang image of the program's Go)")
	return fs
}

// Settings are the axes, and what makes no difference to an image.
func Settings(r *variants.Request) *pflag.FlagSet {
	fs := Axes(r)
	fs.BoolVar(&r.NoGoCache, "no-go-cache", r.NoGoCache, "compile without dlvgen's persistent Go build and module caches")
	fs.BoolVar(&r.PrintLLB, "print-llb", r.PrintLLB, "show the build definition before and after instrumentation")
	return fs
}

// options are all flags of a request.
func options(r *variants.Request) *pflag.FlagSet {
	fs := Settings(r)
	fs.Var(word(&r.Variant.Name, checkVariant), "variant", "debug variant: "+strings.Join(variants.Names(), ", "))
	fs.Var(word(&r.Preset, variants.CheckPreset), "preset", "name of the preset in the image's labels (default: the variant)")
	fs.Var(word(&r.Test, checkPackage), "test", "import path of the package whose tests variant "+variants.Tests().Name+" starts")
	fs.Var(flagvalue.List(&r.TestArgs), "test-args", `flags of the tests, separated by spaces or as a JSON array, such as -test.run=^TestStore$`)
	fs.Var(word(&r.Variant.Suffix, variants.CheckSuffix), "tag-suffix", "suffix that the variant adds to production's tag, or a template, for the plan (default: the variant's own)")
	return fs
}

// word is a flag for a field that takes some words only, or none.
func word[T ~string](field *T, check func(T) error) pflag.Value {
	return flagvalue.Word(field, "string", func(value T) error {
		if value == "" {
			return nil
		}
		return check(value)
	})
}

func either[T ~string](one, other T) func(T) error {
	return func(value T) error {
		if value == one || value == other {
			return nil
		}
		return fmt.Errorf("it must be %q or %q", one, other)
	}
}

func checkProgram(program string) error {
	if path.IsAbs(program) {
		return nil
	}
	return errors.New("it must be the absolute path of a file in the image")
}

func checkPackage(path string) error {
	if strings.Contains(path, "...") || module.CheckImportPath(path) != nil {
		return errors.New("it must be the import path of one package")
	}
	return nil
}

func checkListen(address string) error {
	_, _, err := variants.SplitAddress(address)
	return err
}

func checkVariant(name string) error {
	if strings.Contains(name, ",") {
		return errors.New("one build makes one image: name one of them, or use the dlvgen command")
	}
	_, err := variants.ByName(name)
	return err
}

const (
	keyCmdline     = "cmdline"
	buildArgPrefix = "build-arg:"
	argPrefix      = buildArgPrefix + "DLVGEN_"
)

// argName is the frontend attribute of a flag: "print-llb" is
// "build-arg:DLVGEN_PRINT_LLB".
func argName(flag string) string {
	return argPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// ParseRequest reads a request out of a frontend's attributes. A build arg beats the
// syntax line. Without a variant the request is for the production image.
func ParseRequest(attrs map[string]string) (variants.Request, error) {
	var r variants.Request
	if line := strings.Fields(attrs[keyCmdline]); len(line) > 1 {
		if err := parseCmdline(options(&r), line[1:]); err != nil {
			return r, err
		}
	}
	fs := options(&r) // whose lists begin anew
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		arg, ours := strings.CutPrefix(name, argPrefix)
		if !ours {
			continue
		}
		flag := strings.ToLower(strings.ReplaceAll(arg, "_", "-"))
		if fs.Lookup(flag) == nil {
			return r, fmt.Errorf("unknown build arg %s: did you mean %s?", strings.TrimPrefix(name, buildArgPrefix),
				strings.TrimPrefix(argName(nearest(flag)), buildArgPrefix))
		}
		if err := fs.Set(flag, attrs[name]); err != nil {
			return r, fmt.Errorf("build arg %s=%s: %w", strings.TrimPrefix(name, buildArgPrefix), attrs[name], errors.Unwrap(err))
		}
	}
	if r.Variant.Name == "" {
		return r, nil
	}
	return r.Complete()
}

// parseCmdline reads the words behind the reference of a syntax line.
func parseCmdline(fs *pflag.FlagSet, words []string) error {
	err := fs.Parse(words)
	var missing *pflag.NotExistError
	if errors.As(err, &missing) {
		name := missing.GetSpecifiedName()
		return fmt.Errorf("unknown option --%s in the syntax line: did you mean --%s?", name, nearest(name))
	}
	if err != nil {
		return fmt.Errorf("reading the options of the syntax line: %w", err)
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("reading the options of the syntax line: %q is no option, options start with --", fs.Arg(0))
	}
	return nil
}

// Attrs are a request as frontend attributes: what differs from the defaults of its variant.
func Attrs(r variants.Request) map[string]string {
	defaults := variants.Request{Variant: variants.Variant{Name: r.Variant.Name}, Test: r.Test}
	if complete, err := defaults.Complete(); err == nil {
		defaults = complete
	}
	defaults.Variant.Name, defaults.Test = "", ""
	standard, attrs := options(&defaults), map[string]string{}
	options(&r).VisitAll(func(f *pflag.Flag) {
		if value := f.Value.String(); value != "" && value != standard.Lookup(f.Name).Value.String() {
			attrs[argName(f.Name)] = value
		}
	})
	return attrs
}

// without returns the attributes that are not ours.
func without(attrs map[string]string) map[string]string {
	rest := map[string]string{}
	maps.Copy(rest, attrs)
	maps.DeleteFunc(rest, func(name, _ string) bool { return strings.HasPrefix(name, argPrefix) })
	return rest
}

// nearest is the flag whose name is most like the given one.
func nearest(name string) string {
	var names []string
	options(&variants.Request{}).VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return variants.Nearest(name, names)
}
