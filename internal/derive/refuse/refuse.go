// Package refuse has the reasons why there can be no debug image, each once, be they found
// out in what was built or before that.
package refuse

import (
	"fmt"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Error is a refusal: one line that says what was found, and what to do.
type Error struct{ Cause error }

// Error implements error.
func (e *Error) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func refuse(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }

// Instruction names the one that an image's command comes from.
func Instruction(cfg dockerspec.DockerOCIImageConfig) string {
	if len(cfg.Entrypoint) > 0 {
		return "ENTRYPOINT"
	}
	return "CMD"
}

// NoSuchFile refuses an image whose command names nothing. found says how that is known.
func NoSuchFile(word string, cfg dockerspec.DockerOCIImageConfig, found string) error {
	return refuse("the image starts %q (%s), and %s: production would not start either", word, Instruction(cfg), found)
}

// NoSuchProgram refuses --program with a path at which there is nothing.
func NoSuchProgram(asked string) error {
	return refuse("--program is %q, and there is no such file in the image", asked)
}

// NotCopied refuses what a COPY does not find.
func NotCopied(program, from string) error {
	return refuse("%s is copied from %s, which does not exist or is excluded by .dockerignore: compile it in the Dockerfile, or make it before the build", program, from)
}

// StartsNothing refuses an image without a command, and without a program to choose.
func StartsNothing() error {
	return refuse("the image starts nothing: it has neither ENTRYPOINT nor CMD, and no program that this build compiled is in it")
}

// StartsDelve refuses an image that has its debugger already.
func StartsDelve(program string, cfg dockerspec.DockerOCIImageConfig) error {
	return refuse("the image starts Delve already, %s (%s), and a program can have only one debugger: derive from the Dockerfile or the target that production runs, or use the image as it is",
		program, Instruction(cfg))
}

// Several refuses to choose between n programs. detour is what the image starts.
func Several(detour string, n int, programs string) error {
	if n == 1 {
		return refuse("the image starts %s, and the program in it that this build compiled is %s: choose it with --program PATH", detour, programs)
	}
	return refuse("the image starts %s, and the programs in it that this build compiled are %s: choose with --program PATH", detour, programs)
}

// Unchosen is Several where the programs are not known yet.
func Unchosen(detour string) error {
	return refuse("the image starts %s: choose a program that the build compiles with --program PATH", detour)
}

// Occupied refuses an image that has a path of dlvgen's.
func Occupied(ours string) error {
	return refuse("the image has %s already, which dlvgen needs to create: derive from a Dockerfile target that has no debugger in it", ours)
}

// NoStepCompiles refuses what is known to compile no Go before it is built. program is what
// the image starts, and from what that comes from, where these are known.
func NoStepCompiles(production, program, from string, cfg dockerspec.DockerOCIImageConfig) error {
	starts := ""
	if from != "" {
		starts = fmt.Sprintf(", and %s, which the image starts (%s), comes from %s", program, Instruction(cfg), from)
	}
	return refuse("no step of %s compiles Go%s: compile the program in the Dockerfile", production, starts)
}

// undebuggable refuses to debug a program, which is named with its role: "/server, which
// the image starts (CMD),".
func undebuggable(program string, cause error, why string) error {
	return refuse("%s cannot be debugged: %w; %s", program, cause, why)
}

// NotGo says that what the image starts is no Go program, and that none that the build
// compiled is in the image either. The program is named with its role.
func NotGo(program string, cause error, compiles bool) error {
	why := "the build compiles no Go program: compile it in the Dockerfile, or derive the Dockerfile target that has one"
	if compiles {
		why = "no program that this build compiled is in the image"
	}
	return undebuggable(program, cause, why)
}

// ChangedAfterwards says of a program that a step compiled for debugging, that it is no
// longer what the step made.
func ChangedAfterwards(program string, step string, linksShared bool, cause error) error {
	if linksShared {
		return undebuggable(program, cause, fmt.Sprintf("%q links it with -linkshared, and then the go command omits debug information: derive from a build without that flag", step))
	}
	return undebuggable(program, cause, fmt.Sprintf("it was compiled for debugging by %q, and changed afterwards: look for strip, objcopy or upx in a later step", step))
}

// ReadyMade refuses a program that no step compiles. come says how it comes into the
// image, what it is made of, and advice what to do.
func ReadyMade(program string, cause error, come, what, advice string) error {
	return undebuggable(program, cause, fmt.Sprintf("%s (%s): %s", come, what, advice))
}

// UnknownSources says of a ready-made program why its sources cannot be baked in.
func UnknownSources(production, program string) error {
	return refuse("no step of %s compiled %s, so its sources are not known: derive a variant without sources, or with --sources=excluded", production, program)
}

// UnknownSymbols says of a ready-made program why there is no sidecar for it.
func UnknownSymbols(production, program string) error {
	return refuse("no step of %s compiled %s, so its symbols are not known: derive another variant, or compile it in the Dockerfile", production, program)
}

// NotRebuilt refuses a program, made of what, that cannot be compiled again.
func NotRebuilt(program, what string, cause error) error {
	return refuse("--rebuild cannot compile %s, %s: %w; compile it in the Dockerfile", program, what, cause)
}

// NotCompiledAgain refuses the program of a published image, made of what, that cannot be
// compiled again. asItIs says what can be done with it as it is, "" for nothing.
func NotCompiledAgain(program, what string, cause error, asItIs string) error {
	if asItIs != "" {
		return refuse("%s, %s, cannot be compiled again: %w (%s)", program, what, cause, asItIs)
	}
	return refuse("%s, %s, cannot be compiled again: %w", program, what, cause)
}

// NotGoPublished says of what a published image starts that it is no Go program, so that
// nothing tells what it was compiled from. The program is named with its role.
func NotGoPublished(program string, cause error, image string) error {
	return undebuggable(program, cause, fmt.Sprintf("nothing else in %s tells what it was compiled from: name the Go program with --program PATH if it is another one, or build the debug image from the Dockerfile with dlvgen build", image))
}

// TestsNotCompiled refuses tests where no step compiles the program, as which they are compiled.
func TestsNotCompiled(pkg, program, production string) error {
	return refuse("no step of %s compiles %s, and the tests of %s are compiled as the program is: compile it in the Dockerfile, or choose another program with --program", production, program, pkg)
}

// NoTests refuses a package without tests in the step that compiles the program.
func NoTests(pkg, step string) error {
	return refuse("%s has no test files where %q compiles the program: look for _test.go in .dockerignore, and for files with other build tags", pkg, step)
}

// NoSuchPackage refuses a package that the program's module has not, in the step that compiles
// it. module is "" where it is not known.
func NoSuchPackage(pkg, module, step, program string) error {
	of := "its module"
	if module != "" {
		of = "the module " + module
	}
	return refuse("there is no package %s in %s where %q compiles %s: name a package of that module that the Dockerfile copies, or another program with --program", pkg, of, step, program)
}
