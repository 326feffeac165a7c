package frontend

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/pflag"
)

// Options are what users may ask of a derivation. They are written as flags behind
// the reference of a syntax line (# syntax=dlvgen/dlvgen:1 --variant=remote), as
// build args (DLVGEN_VARIANT=remote) and as flags of the command line tool; the
// names and the parser are the same for all three.
type Options struct {
	// Variant is the name of one variant. Empty asks for the production image.
	Variant string

	// Sources is "baked" or "excluded", empty for the variant's own answer.
	Sources string

	// Start is "hold" or "continue".
	Start string

	// Entry is "cmd" or "inplace", empty where the image decides.
	Entry string

	// Optimize leaves the program as optimized as production's.
	Optimize bool

	// Listen is the debugger's address, "host:port" with an optional host. Empty asks
	// for variants.DefaultListen, unless the image seems to use that itself.
	Listen string

	// Program is the path of the program to debug, empty where the image's command
	// tells.
	Program string

	// Delve is the version of the debugger, empty where the program's Go decides.
	Delve string

	// Rebuild is "off", "auto", "context" or "module": what becomes of a ready-made
	// program that cannot be debugged. Empty is "off".
	Rebuild string

	// RebuildImage is the image that compiles it, empty for the golang image of the
	// program's Go.
	RebuildImage string

	// NoGoCache leaves the persistent Go caches out of the compile steps.
	NoGoCache bool

	// PrintLLB adds the definitions, before and after, to the result's metadata.
	PrintLLB bool
}

// DefaultOptions ask for the production image.
func DefaultOptions() Options {
	return Options{Start: string(variants.StartHold)}
}

// Register adds the options to a flag set, their current values as defaults.
func (o *Options) Register(fs *pflag.FlagSet) {
	fs.StringVar(&o.Variant, "variant", o.Variant, "debug variant: "+strings.Join(variants.Names(), ", "))
	fs.StringVar(&o.Sources, "sources", o.Sources, `sources in the image: "baked" or "excluded" (default: the variant's own answer)`)
	fs.StringVar(&o.Start, "start", o.Start, `what the program does until a client comes: "hold" or "continue"`)
	fs.StringVar(&o.Entry, "entry", o.Entry, `where the debugger comes in: "cmd", in the image's command, or "inplace", at the program's own path (default: "cmd" where the command leads straight to the program)`)
	fs.BoolVar(&o.Optimize, "optimize", o.Optimize, "leave the program optimized as in production; only what strips debug information is undone")
	fs.StringVar(&o.Listen, "listen", o.Listen, "address that the debugger listens on, HOST:PORT or :PORT (default "+variants.DefaultListen+")")
	fs.StringVar(&o.Program, "program", o.Program, "path of the program to debug in the image (default: the one that the image starts)")
	fs.StringVar(&o.Delve, "delve", o.Delve, "version of Delve (default: one that supports the program's Go)")
	fs.StringVar(&o.Rebuild, "rebuild", o.Rebuild, `compile a program that was copied in ready-made again: "context", from the build context, "module", from the Go module proxy, "auto", or "off" (default "off", without a value "auto")`)
	fs.Lookup("rebuild").NoOptDefVal = string(variants.RebuildAuto)
	fs.StringVar(&o.RebuildImage, "rebuild-image", o.RebuildImage, "image with Go that --rebuild compiles in (default: the golang image of the program's Go)")
	fs.BoolVar(&o.NoGoCache, "no-go-cache", o.NoGoCache, "compile without dlvgen's persistent Go build and module caches")
	fs.BoolVar(&o.PrintLLB, "print-llb", o.PrintLLB, "show the build's definition before and after it was instrumented")
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

// flagSet is a flag set of the options with the defaults.
func flagSet(o *Options) *pflag.FlagSet {
	fs := pflag.NewFlagSet("dlvgen", pflag.ContinueOnError)
	fs.Usage = func() {}
	fs.SortFlags = false
	o.Register(fs)
	return fs
}

// ParseOptions reads the options out of a frontend's attributes. A build arg beats
// the syntax line.
func ParseOptions(attrs map[string]string) (Options, error) {
	o := DefaultOptions()
	fs := flagSet(&o)
	if words := strings.Fields(attrs[keyCmdline]); len(words) > 1 {
		if err := parseCmdline(fs, words[1:]); err != nil {
			return o, err
		}
	}
	for name, value := range attrs {
		if !strings.HasPrefix(name, argPrefix) {
			continue
		}
		flag := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, argPrefix), "_", "-"))
		if fs.Lookup(flag) == nil {
			return o, fmt.Errorf("unknown build arg %s: did you mean %s?", strings.TrimPrefix(name, buildArgPrefix),
				strings.TrimPrefix(variants.Nearest(name, argNames()), buildArgPrefix))
		}
		if err := fs.Set(flag, value); err != nil {
			return o, fmt.Errorf("build arg %s=%s: %w", strings.TrimPrefix(name, buildArgPrefix), value, err)
		}
	}
	return o, o.validate()
}

// parseCmdline reads the words behind the reference of a syntax line.
func parseCmdline(fs *pflag.FlagSet, words []string) error {
	for _, w := range words {
		name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		if strings.HasPrefix(w, "--") && fs.Lookup(name) == nil {
			return fmt.Errorf("unknown option --%s in the syntax line: did you mean --%s?", name, variants.Nearest(name, flagNames()))
		}
	}
	if err := fs.Parse(words); err != nil {
		return fmt.Errorf("reading the options of the syntax line: %w", err)
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("reading the options of the syntax line: %q is no option, options start with --", fs.Arg(0))
	}
	return nil
}

// validate reports the first option that cannot be honoured.
func (o Options) validate() error {
	if o.Variant == "" {
		return nil
	}
	if strings.Contains(o.Variant, ",") {
		return fmt.Errorf("the variants %s were asked for, and one build makes one image: name one of them, or use the dlvgen command", o.Variant)
	}
	_, err := o.request()
	return err
}

// request is what the options ask of the plan.
func (o Options) request() (variants.Request, error) {
	v, err := variants.ByName(o.Variant)
	if err != nil {
		return variants.Request{}, err
	}
	r := variants.NewRequest(v, variants.Axes{
		Sources: variants.Sources(o.Sources), Start: variants.Start(o.Start), Entry: variants.Entry(o.Entry),
		Optimize: o.Optimize, Listen: o.Listen, Program: o.Program, Delve: o.Delve,
		Rebuild: variants.Rebuild(o.Rebuild), RebuildImage: o.RebuildImage,
	})
	return r, r.Validate()
}

// Attrs are the options as frontend attributes, those that differ from the
// defaults.
func (o Options) Attrs() map[string]string {
	attrs := map[string]string{}
	defaults := DefaultOptions()
	standard := flagSet(&defaults)
	flagSet(&o).VisitAll(func(f *pflag.Flag) {
		if value := f.Value.String(); value != standard.Lookup(f.Name).Value.String() {
			attrs[argName(f.Name)] = value
		}
	})
	return attrs
}

// without returns the attributes that are not ours.
func without(attrs map[string]string) map[string]string {
	rest := make(map[string]string, len(attrs))
	for k, v := range attrs {
		if !strings.HasPrefix(k, argPrefix) {
			rest[k] = v
		}
	}
	return rest
}

func flagNames() []string {
	o := DefaultOptions()
	var names []string
	flagSet(&o).VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	slices.Sort(names)
	return names
}

func argNames() []string {
	names := flagNames()
	for i, n := range names {
		names[i] = argName(n)
	}
	return names
}
