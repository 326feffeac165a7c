package cli

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/mod/module"
)

// testVerb is the command's name.
const testVerb = "test"

// testFlags are the flags of `dlvgen test`.
type testFlags struct {
	buildFlags
	only string
}

// notOfTests are flags of `dlvgen build` for variants that start the program.
var notOfTests = []string{"variant", "config", "entry", "rebuild", "rebuild-image"}

func (f *testFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&f.only, "run", "", "run the tests that match this regular expression, as -run of go test")
	build := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.buildFlags.register(build)
	build.VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(notOfTests, flag.Name) {
			fs.AddFlag(flag)
		}
	})
	for name, usage := range map[string]string{
		"program":    "path in the image of the program that the tests are compiled as (default: the one that the image starts)",
		"optimize":   "keep production's optimizations",
		"start":      `what the tests do until a client connects: "hold" or "continue" (default "hold")`,
		"sources":    `sources in the image: "baked" or "excluded" (default "excluded")`,
		"tag":        "production reference, [REGISTRY/]REPOSITORY[:TAG]; the tag of the image is made from it",
		"tag-suffix": "suffix that the image adds to production's tag, or a template, such as test=-test-store",
		"push":       "push the image, and move its tag when it is pushed",
		"force":      "overwrite a tag whose image dlvgen did not make; production tags are never overwritten",
		"load":       "load the image into Docker Engine",
		"output":     `other destination, such as "type=oci,dest=FILE"`,
	} {
		fs.Lookup(name).Usage = usage
	}
}

func newTestCommand(s streams) *cobra.Command {
	flags := &testFlags{}
	cmd := &cobra.Command{
		Use:   testVerb + " PACKAGE [CONTEXT] [-- FLAGS]",
		Short: "Build the tests of a package into the production image",
		Long: `Build the tests of a package into the production image, under Delve, for tests
that fail only there.

PACKAGE is a folder, such as ./store, or an import path. Its tests are compiled
where the Dockerfile compiles the program, in the same way but without
optimizations, and start in the place of the program: with production's
environment and user, in the package's folder, which has its testdata alone.

CONTEXT and the flags are those of "dlvgen build". FLAGS are flags of the
tests, as of go test: -v, -run, -count and others. What follows -args is handed
on as it is.

A container waits until a client continues the tests, and ends with their exit
code. -e DLVGEN_START=off runs them without the debugger. What is given to
"docker run" behind the image takes the place of FLAGS: -test.run=TestOpen.

Prints REF@DIGEST.`,
		Example: `  dlvgen test ./store -t app:v1 --load
  docker run -p 127.0.0.1:8000:8000 app:v1-test
  dlvgen test ./store -t app:v1 --load --run '^TestOpen$' -- -v -count 3
  dlvgen test example.com/app/store --program /worker -t app:v1 --push .`,
		Args: func(cmd *cobra.Command, args []string) error {
			named, _ := cutAtDash(cmd, args)
			switch {
			case len(named) == 0:
				return usagef(cmd, "no package is named: name one, such as ./store")
			case len(named) > 2:
				return usagef(cmd, "one package is tested at a time, in one context, and got %q: put flags of the tests behind --", named)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := bake.ReadEnvironment()
			if err != nil {
				return err
			}
			named, words := cutAtDash(cmd, args)
			r, err := flags.request(named, words, env)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return s.build(cmd.Context(), &flags.buildFlags, r)
		},
	}
	flags.register(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("tag-suffix", beginnings(variants.Tests().Name+"="))
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 1 {
			return nil, wordsOnly
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return cmd
}

// cutAtDash parts the arguments of a command from the words behind --.
func cutAtDash(cmd *cobra.Command, args []string) (before, behind []string) {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		return args[:at], args[at:]
	}
	return args, nil
}

// request reads and checks the flags, the package and its context, and the words of the tests.
func (f *testFlags) request(named, words []string, env bake.Environment) (*bake.Request, error) {
	f.Context = contextOf(named[1:])
	r := variants.NewRequest(variants.Tests())
	var err error
	if r.Test, err = packagePath(named[0]); err != nil {
		return nil, err
	}
	if f.only != "" {
		r.TestArgs = append(r.TestArgs, "-"+testPrefix+"run="+f.only)
	}
	r.TestArgs = append(r.TestArgs, testArgs(words)...)
	if r, err = f.override(r); err != nil {
		return nil, err
	}
	if f.Variants, err = variants.WithSuffixes([]variants.Request{r}, f.suffixes); err != nil {
		return nil, fmt.Errorf("--tag-suffix: %w", err)
	}
	return f.checked(env)
}

// packagePath is the import path of the package that an argument names, as the go command takes
// it: a folder begins with a dot, or is absolute.
func packagePath(arg string) (string, error) {
	if strings.Contains(arg, "...") {
		return "", fmt.Errorf("%q is a pattern, and one package is tested at a time: name it, such as ./store", arg)
	}
	first, _, _ := strings.Cut(filepath.ToSlash(arg), "/")
	if first != "." && first != ".." && !filepath.IsAbs(arg) {
		if bake.IsFolder(arg) {
			return "", fmt.Errorf("%q is an import path to the go command: for the folder, write ./%s", arg, filepath.ToSlash(filepath.Clean(arg)))
		}
		if err := module.CheckImportPath(arg); err != nil {
			return "", fmt.Errorf("%q is neither a folder such as ./store nor an import path: %w", arg, err)
		}
		return arg, nil
	}
	dir, err := filepath.Abs(arg)
	if err != nil {
		return "", fmt.Errorf("finding the package: %w", err)
	}
	if !bake.IsFolder(dir) {
		return "", fmt.Errorf("there is no folder %s: name the folder of a package, or its import path", visible.Quote(arg))
	}
	root, of, err := moduleAbove(dir)
	if err != nil {
		return "", err
	}
	if of == "" {
		return "", fmt.Errorf("%s is part of no Go module: name the package by its import path", visible.Quote(arg))
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*_test.go")); err == nil && len(files) == 0 {
		return "", fmt.Errorf("%s has no test files", visible.Quote(arg))
	}
	below, err := filepath.Rel(root, dir)
	if err != nil {
		return "", fmt.Errorf("finding the package: %w", err)
	}
	pkg := path.Join(of, filepath.ToSlash(below))
	if err := module.CheckImportPath(pkg); err != nil {
		return "", fmt.Errorf("the go command cannot compile the tests: %w", err)
	}
	return pkg, nil
}

// testPrefix begins the names of flags that the program of tests knows by itself.
const testPrefix = "test."

// testNames are the flags of go test that it hands on with the prefix (cmd/go/internal/test),
// but for those of fuzzing, which takes another compile.
var testNames = strings.Fields(`bench benchmem benchtime blockprofile blockprofilerate count cpu cpuprofile failfast fullpath
	list memprofile memprofilerate mutexprofile mutexprofilefraction outputdir parallel run short shuffle skip timeout trace v`)

// testArgs are the arguments of the tests for words of go test: -run TestOpen is
// -test.run TestOpen. Words behind -args, and flags of the package's own, are as they are.
func testArgs(words []string) []string {
	var args []string
	for i, word := range words {
		if word == "-args" || word == "--args" {
			return append(args, words[i+1:]...)
		}
		name, isFlag := strings.CutPrefix(word, "-")
		name = strings.TrimPrefix(name, "-")
		if plain, _, _ := strings.Cut(name, "="); isFlag && slices.Contains(testNames, plain) {
			word = "-" + testPrefix + name
		}
		args = append(args, word)
	}
	return args
}
