package bench

// Kinds of ways that more than one group has.
var (
	bareWay  = way{name: "bare", label: "bare `go build`", run: bare}
	remote   = way{name: "remote", label: "`remote`", run: derived("remote")}
	three    = way{name: "three", label: "`remote`, `remote-src` and `attach`", run: derived(threeVariants)}
	all      = way{name: "all", label: "all four variants", run: derived("all")}
	koWay    = way{name: "ko", label: "`ko build --debug`", run: byKo()}
	koPlain  = way{name: "ko-noopt", label: "`ko build --debug --disable-optimizations`", run: byKo("--disable-optimizations")}
	editWays = []way{bareWay, remote, three, all, koWay, koPlain}
)

// coldRounds is how often what compiles everything is measured where there is a figure to
// reach; else once.
const coldRounds = 2

// groups is the table: what is measured, with what it is compared, and what it is to reach.
var groups = []group{
	{
		name: "edit/miniflux", title: "miniflux with its authors' Dockerfile, after an edit of main.go", set: setMiniflux,
		ways:      append(editWays, way{name: "production", label: "the production Dockerfile's own rebuild", rounds: 1, run: produced}),
		explained: []string{"remote", threeVariants},
		rows: []row{
			{what: "edit to pushed image, `remote`", way: "remote", figure: took, against: "bare", reach: reach{ratio: 1.9}, readme: true},
			{what: "the same", way: "remote", figure: took, against: "ko-noopt", reach: reach{ratio: 0.65}, readme: true},
			{what: "the same", way: "remote", figure: took, against: "ko"},
			{what: "`remote`, `remote-src` and `attach`", way: "three", figure: took, against: "remote", reach: reach{ratio: 1.1}, readme: true},
			{what: "all four; the sidecar's symbols need their own compile", way: "all", figure: took, against: "remote", readme: true},
			{what: "edit to pushed image, `remote`", way: "remote", figure: took, against: "production", readme: true},
			{what: "uploaded, `remote`", way: "remote", figure: sent, against: "ko-noopt"},
			{what: "uploaded, three variants", way: "three", figure: sent, against: "remote"},
		},
	},
	{
		name: "edit/hello", title: "a small service, after an edit of main.go", set: setHello,
		ways: editWays, explained: []string{"remote"},
		rows: []row{
			{what: "edit to pushed image, `remote`", way: "remote", figure: took, against: "bare", reach: reach{ratio: 1.8}, readme: true},
			{what: "the same", way: "remote", figure: took, against: "ko-noopt", readme: true},
			{what: "the same", way: "remote", figure: took, against: "ko"},
			{what: "`remote`, `remote-src` and `attach`", way: "three", figure: took, against: "remote"},
			{what: "all four; the sidecar's symbols need their own compile", way: "all", figure: took, against: "remote"},
			{what: "uploaded, `remote`", way: "remote", figure: sent, against: "ko-noopt"},
		},
	},
	{
		name: "edit/breakpoint", title: "miniflux, from an edit to a breakpoint in the container that replaces the one before", set: setDebugged,
		ways: []way{
			bareWay,
			{name: "stopped", label: "`remote`, `docker run`, Delve", run: stopped},
			{name: "watch", label: "`dlvgen watch`, which replaces the container, Delve", run: stoppedByWatch},
			{name: "ko", label: "`ko build --debug --disable-optimizations`, `docker run`, Delve", run: stoppedByKo},
		},
		rows: []row{
			{what: "edit to breakpoint in the replaced container", way: "stopped", figure: took, against: "bare", reach: reach{plus: 1.2}, readme: true},
			{what: "the same", way: "stopped", figure: took, against: "ko", readme: true},
			{what: "edit to breakpoint with `dlvgen watch`", way: "watch", figure: took, against: "stopped"},
		},
	},
	{
		name: "edit/graph", title: "a package that 200 others import, after an edit of a constant of it", set: setWide("base/base.go"),
		ways: []way{bareWay, remote},
		rows: []row{
			{what: "edit to pushed image, `remote`", way: "remote", figure: took, against: "bare", reach: reach{ratio: 1.3}, readme: true},
		},
	},
	{
		name: "edit/sources", title: "5,000 source files, after an edit of main.go", set: setWide("main.go"),
		ways: []way{
			bareWay,
			{name: "plain", label: "a plain step, with cache mounts and no dlvgen", run: plainStep},
			{name: "left-out", label: "`remote`, without sources", run: derivedStep("remote")},
			{name: "captured", label: "`remote-src`, with sources", run: derivedStep("remote-src")},
		},
		rows: []row{
			{what: "compile step with sources", way: "captured", figure: step, against: "plain", reach: reach{ratio: 1.05}},
			{what: "the same", way: "captured", figure: step, against: "left-out"},
			{what: "edit to pushed image, `remote-src`", way: "captured", figure: took, against: "left-out"},
			{what: "the same", way: "captured", figure: took, against: "bare"},
		},
	},
	{
		name: "noop", title: "a rebuild of a small service that changes nothing", set: setNoop,
		ways: []way{
			{name: "cli", label: "`dlvgen build --push`", run: rebuilt("remote")},
			{name: "cli-all", label: "`dlvgen build --push`, all variants", run: rebuilt("all")},
			{name: "stock", label: "`docker/dockerfile`", run: rebuiltByStock},
			{name: "production", label: "the frontend image, production", run: rebuiltByOurs("")},
			{name: "remote", label: "the frontend image, `remote`", run: rebuiltByOurs("remote")},
		},
		rows: []row{
			{what: "command line, `remote`", way: "cli", figure: took, against: "stock", reach: reach{most: 0.15}, readme: true},
			{what: "command line, all four", way: "cli-all", figure: took, against: "cli"},
			{what: "frontend image, production", way: "production", figure: took, against: "stock"},
			{what: "frontend image, `remote`", way: "remote", figure: took, against: "stock"},
		},
	},
	{
		name: "cold/miniflux", title: "miniflux on a builder that has the base images alone", set: setCold(coldMiniflux),
		ways: []way{
			{name: "production", label: "the production Dockerfile", rounds: coldRounds, run: cold(0, producing)},
			{name: "remote", label: "`remote`", rounds: coldRounds, run: cold(0, deriving("remote"))},
		},
		rows: []row{
			{what: "cold, `remote`", way: "remote", figure: took, against: "production", reach: reach{ratio: 0.75}, readme: true},
		},
	},
	{
		name: "cold/hello", title: "a small service on builders that have the base images alone", set: setCold(coldHello),
		ways: []way{
			{name: "hand", label: "four hand-written Dockerfiles", rounds: 1, run: cold(1, byHand)},
			{name: "all", label: "all four variants", rounds: 1, run: cold(warmEdits, deriving("all"))},
		},
		rows: []row{
			{what: "cold, all four", way: "all", figure: took, against: "hand", readme: true},
			{what: "then after an edit, all four", way: "all", figure: then, against: "hand", readme: true},
			{what: "uploaded cold, all four", way: "all", figure: sent, against: "hand", readme: true},
			{what: "uploaded after an edit, all four", way: "all", figure: thenSent, against: "hand"},
		},
	},
	{
		name: "cold/bake", title: "a bake of three services on builders that have the base images alone", set: setBake,
		ways: []way{
			{name: "production", label: "production alone", rounds: 1, run: baked("default")},
			{name: "all", label: "production and all variants", rounds: 1, run: baked("debug")},
		},
		rows: []row{
			{what: "production and all variants", way: "all", figure: took, against: "production"},
			{what: "the same, processor time of the builder", way: "all", figure: processor, against: "production"},
		},
	},
	{
		name: "start", title: "a container of miniflux, from its start to the first breakpoint", set: setStart,
		ways: []way{
			{name: "bare", label: "bare `dlv exec` in the same image", run: startedBare},
			{name: "init", label: "the debug image", run: started},
		},
		rows: []row{
			{what: "container start to breakpoint", way: "init", figure: took, against: "bare", reach: reach{ratio: 1.05}, readme: true},
		},
	},
	{
		name: "instrument", title: "a definition instrumented, in this process", set: setInstrument(1000, 10_000),
		ways: []way{
			{name: "1000", label: "1,000 ops", run: instrumented(1000)},
			{name: "10000", label: "10,000 ops", run: instrumented(10_000)},
		},
		rows: []row{
			{what: "Instrument, 10,000 ops", way: "10000", figure: took, reach: reach{most: 0.04}},
			{what: "the same, for one op", way: "10000", figure: perOp, against: "1000", reach: reach{ratio: 1.25}},
		},
	},
	{
		name: "memory", title: "the peak memory of three variants' builds, with 100,000 files in the context", set: setMemory,
		ways: []way{
			{name: "cli", label: "`dlvgen build --push` of a small service", rounds: memoryRounds, run: remembered},
			{name: "cli-large", label: "`dlvgen build --push` of miniflux", rounds: memoryRounds, run: ofLarger(remembered)},
			{name: "image", label: "the frontend image, a small service", rounds: memoryRounds, run: rememberedInImage},
			{name: "image-large", label: "the frontend image, miniflux", rounds: memoryRounds, run: ofLarger(rememberedInImage)},
		},
		rows: []row{
			{what: "command line, a small service", way: "cli", figure: memory, reach: reach{most: 64 << 20}, readme: true},
			{what: "command line, miniflux", way: "cli-large", figure: memory, against: "cli", reach: reach{ratio: 1.1}},
			{what: "frontend image, a small service", way: "image", figure: memory, reach: reach{most: 64 << 20}},
			{what: "frontend image, miniflux", way: "image-large", figure: memory, against: "image", reach: reach{ratio: 1.1}},
		},
	},
}

// memoryRounds is how often memory is measured: it varies little, and each build copies all
// files of the context.
const memoryRounds = 1
