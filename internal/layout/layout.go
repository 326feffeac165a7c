// Package layout names every path at which dlvgen puts something: inside a
// compile step, inside a debug image, and in the tree of tools that the two are
// filled from. The programs mounted into users' images read it too, so it
// imports nothing.
package layout

// Delve is where the debugger stands in a debug image.
const Delve = "/dlv"

// Dir is the folder that holds everything else of dlvgen's, in steps and images.
const Dir = "/.dlvgen"

// Paths inside an instrumented compile step. None of them is part of the step's
// own root file system: they are mounts, and gone when the step ends.
const (
	// Bin holds the stand-ins, named as the programs they stand for. It is the
	// first folder of the step's PATH.
	Bin = Dir + "/bin"

	// StandIns holds the stand-ins for rm and for programs that strip others, in steps
	// that may run one. It is the second folder of PATH.
	StandIns = Dir + "/stand-ins"

	// Real is the folder below which each real program stands that a stand-in
	// was mounted over, at its own absolute path: the program of
	// /usr/local/go/bin/go is Real + "/usr/local/go/bin/go".
	Real = Dir + "/real"

	// Capture is the output mount. Each user of the step who compiles has a folder of
	// his own in it, named by his number, with manifests in CaptureBuilds and, if
	// they are not in Sources, sources in CaptureSources.
	Capture = Dir + "/capture"

	// Sources is an output mount that is empty at first, for the sources that root compiles,
	// at the absolute paths at which they were compiled. Those of other users, who cannot
	// write to it, and of steps without it are in Capture.
	Sources = Dir + "/sources"

	// Mode is a file that says how to compile: "debug", "optimized" or "symbols". Without
	// it, "debug".
	Mode = Dir + "/mode"

	// Test is a file with the import path of a package whose tests are compiled beside the
	// step's programs. Without it, none are.
	Test = Dir + "/test"

	// GoCache is a cache mount that serves as GOCACHE.
	GoCache = Dir + "/go-build"
)

// CachePrefix begins the name of the folder that a cache mount of dlvgen's shows: by
// it a step tells them from the user's, see proc_pid_mountinfo(5).
const CachePrefix = "dlvgen-"

// CaptureFrom is a file in the root of the capture output: a JSON list of the step's
// mount points, other than the root's, whose files may be captured. Without it, none.
const CaptureFrom = "from.json"

// TemporaryPrefix begins the names of what is not to stay in the outputs.
const TemporaryPrefix = ".dlvgen-"

// Folders of the capture output, relative to that of a user.
const (
	CaptureBuilds  = "builds"
	CaptureSources = "src"
	CaptureSymbols = "symbols"
	CaptureTests   = "tests"
)

// Paths inside a debug image.
const (
	// Init is PID 1 of the remote variants and of the sidecar.
	Init = Dir + "/init"

	// Program is the folder of the program that a launcher stands for.
	Program = Dir + "/program"

	// Symbols is the folder of the production binary's debug information.
	Symbols = Dir + "/symbols"

	// SymbolsFile has it. Delve looks for debug information of a process by the name of
	// its executable, which in another container's file system it knows as
	// /proc/PID/exe only (openSeparateDebugInfo in pkg/proc/bininfo.go).
	SymbolsFile = Symbols + "/exe.debug"

	// Config is the debugger's own XDG_CONFIG_HOME.
	Config = Dir + "/config"

	// DelveConfig is the file of Delve's settings, TelemetryMode the one that
	// tells Go programs, and Delve is one, to send nothing and start no second process
	// (golang.org/x/telemetry/internal/telemetry/dir.go).
	DelveConfig   = Config + "/dlv/config.yml"
	TelemetryMode = Config + "/go/telemetry/mode"

	// Plan is the plan that the image was made by, as JSON.
	Plan = Dir + "/plan.json"
)

// GrantWord is the first argument of init as a step of an image's build: it gives a copy
// of a program capabilities.
const GrantWord = "dlvgen: grant capabilities"

// Paths in the tree of tools, relative to its root. Each platform has a folder
// of its own, see Platform.
const (
	ToolGo    = "bin/go"
	ToolBin   = "bin"
	ToolInit  = "init"
	ToolDelve = "delve" // a folder per version: delve/1.27.2/dlv
)

// ToolArchive is the file that a builder is sent for a tool: the tool at its path in its
// platform's folder, as a tar file that every builder unpacks.
const ToolArchive = "tool.tar.gz"

// Platform names the folder of a platform's tools, "linux_amd64". A variant of 32-bit
// ARM is part of the name, "linux_arm_v7"; programs for the other architectures run
// on every variant.
func Platform(os, arch, variant string) string {
	name := os + "_" + arch
	if arch == "arm" && variant != "" {
		name += "_" + variant
	}
	return name
}
