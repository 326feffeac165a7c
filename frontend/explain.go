package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
)

// MetaExplanation is the key of an [Explanation] as JSON in the result's metadata;
// a build for several platforms appends "/" and the platform.
const MetaExplanation = "dlvgen.explanation"

// Explanation says what a derivation would do, as far as that can be told without
// building.
type Explanation struct {
	Platform   string   `json:"platform"`
	Variant    string   `json:"variant"`
	Entrypoint []string `json:"entrypoint"`
	Cmd        []string `json:"cmd"`

	// Program is the path of the program, empty where only a build can tell, and
	// Origin what makes it.
	Program string `json:"program,omitempty"`
	Origin  string `json:"origin,omitempty"`

	// Detour says what the image's command starts in between.
	Detour string `json:"detour,omitempty"`

	Entry variants.Entry `json:"entry,omitempty"`

	// Go is the version that the compiling step's environment names, Delve the
	// debugger for it.
	Go    string `json:"go,omitempty"`
	Delve string `json:"delve,omitempty"`

	Steps    []llbgen.Surveyed `json:"steps"`
	Layers   []variants.Layer  `json:"layers,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`

	// Refusal is why there can be no debug image, empty where there can.
	Refusal string `json:"refusal,omitempty"`
}

// Explain is a client.BuildFunc that reads the Dockerfile and looks at the context,
// and builds nothing. Base images are resolved, not fetched.
func (f *Frontend) Explain(ctx context.Context, c client.Client) (*client.Result, error) {
	opts, err := ParseOptions(c.BuildOpts().Opts)
	if err != nil {
		return nil, fmt.Errorf("dlvgen: %w", err)
	}
	if opts.Variant == "" {
		opts.Variant = variants.Names()[0]
	}
	request, err := opts.request()
	if err != nil {
		return nil, fmt.Errorf("dlvgen: %w", err)
	}
	tools, err := f.cfg.Tools(c.BuildOpts())
	if err != nil {
		return nil, err
	}
	reading := &readingClient{instrumentingClient: newInstrumentingClient(c, tools, opts, modeOf(request))}
	res, err := builder.Build(ctx, reading)
	if err != nil {
		return nil, err
	}
	images, err := imagesOf(res)
	if err != nil {
		return nil, err
	}
	explained := client.NewResult()
	for _, img := range images {
		e := &explainer{client: reading.instrumentingClient, request: request, version: f.cfg.Version, image: img}
		if err := e.explain(ctx, explained); err != nil {
			return nil, err
		}
	}
	return explained, nil
}

// readingClient keeps definitions that would be built, and solves those that only
// read the Dockerfile or the context.
type readingClient struct{ *instrumentingClient }

// unbuilt stands for the result of a definition.
type unbuilt struct {
	client.Reference
	definition *pb.Definition
}

// Solve implements client.Client.
func (c *readingClient) Solve(ctx context.Context, req client.SolveRequest) (*client.Result, error) {
	if req.Definition == nil || onlyReads(req.Definition) {
		return c.Client.Solve(ctx, req)
	}
	res := client.NewResult()
	res.SetRef(&unbuilt{definition: req.Definition})
	return res, nil
}

// onlyReads tells whether a definition is that of one source other than an image.
func onlyReads(def *pb.Definition) bool {
	if len(def.Def) != 2 {
		return false
	}
	op := &pb.Op{}
	return op.UnmarshalVT(def.Def[0]) == nil && op.GetSource() != nil && !strings.HasPrefix(op.GetSource().Identifier, "docker-image://")
}

// explainer explains one platform's image.
type explainer struct {
	client  *instrumentingClient
	request variants.Request
	version string
	image   image

	definition *pb.Definition
	out        Explanation

	// ready is set for a program of the build context that can be debugged as it is.
	ready bool
}

// explain adds the explanation to the result.
func (e *explainer) explain(ctx context.Context, res *client.Result) error {
	ref, ok := e.image.ref.(*unbuilt)
	if !ok {
		return fmt.Errorf("the Dockerfile frontend returned a result that it did not solve through dlvgen")
	}
	e.definition = ref.definition
	cfg := e.image.config.Config
	e.out = Explanation{
		Platform: platforms.FormatAll(e.image.platform), Variant: e.request.Variant.Name,
		Entrypoint: cfg.Entrypoint, Cmd: cfg.Cmd,
	}
	opts := llbgen.InstrumentOptions{Tools: e.client.tools, Mode: e.client.mode, NoGoCache: e.client.opts.NoGoCache}
	var err error
	if e.out.Steps, err = llbgen.Survey(e.definition, opts); err != nil {
		return err
	}
	if err := e.program(ctx); err != nil {
		return err
	}
	e.plan()
	dt, err := json.MarshalIndent(e.out, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the explanation: %w", err)
	}
	res.AddMeta(MetaExplanation+e.image.suffix, dt)
	if e.client.opts.PrintLLB {
		return e.trees(res, opts)
	}
	return nil
}

// trees adds the definition before and after.
func (e *explainer) trees(res *client.Result, opts llbgen.InstrumentOptions) error {
	in, err := llbgen.Instrument(e.definition, opts)
	if err != nil {
		return err
	}
	before, err := llbtree.Format(e.definition)
	if err != nil {
		return err
	}
	after, err := llbtree.Format(in.Definition)
	if err != nil {
		return err
	}
	res.AddMeta(MetaLLB+e.image.suffix, []byte("production:\n"+before+"\ninstrumented:\n"+after))
	return nil
}

// program finds out what the image starts and where that comes from.
func (e *explainer) program(ctx context.Context) error {
	cfg := e.image.config.Config
	argv := slices.Concat(cfg.Entrypoint, cfg.Cmd)
	if e.request.Program != "" {
		argv = []string{e.request.Program}
	}
	if len(argv) == 0 {
		e.out.Detour = "nothing (it has neither ENTRYPOINT nor CMD)"
		return e.unknown("the image starts nothing: name the program with --program")
	}
	for {
		origin, at, err := e.originOf(argv[0])
		if err != nil {
			return err
		}
		_, rest, launcher := behind(argv)
		if launcher && origin.Compiles == "" {
			argv = rest
			continue
		}
		return e.judge(ctx, argv, origin, at)
	}
}

// originOf is where the file comes from that a command's first word names, and its
// path. Of several places along PATH it is the first that the Dockerfile puts
// something at.
func (e *explainer) originOf(word string) (llbgen.Origin, string, error) {
	var first llbgen.Origin
	paths := candidatePaths(word, e.image.config.Config)
	for i, p := range paths {
		o, err := llbgen.OriginOf(e.definition, p)
		if err != nil {
			return o, p, err
		}
		if o.Step != "" || strings.HasPrefix(o.Source, "local://") {
			return o, p, nil
		}
		if i == 0 {
			first = o
		}
	}
	return first, paths[0], nil
}

// judge says what a command leads to.
func (e *explainer) judge(ctx context.Context, argv []string, origin llbgen.Origin, at string) error {
	e.out.Program, e.out.Origin = at, describe(origin)
	if origin.Compiles != "" {
		return nil
	}
	if words, ok := llbgen.ShellWords(argv); ok {
		e.out.Detour = "a shell, " + path.Base(argv[0])
		return e.among(words)
	}
	switch {
	case strings.HasPrefix(origin.Source, "local://"):
		return e.copied(ctx, argv, origin)
	case origin.Step != "":
		return e.unknown(fmt.Sprintf("%s is made by %q, which is not seen to compile Go", at, origin.Step))
	case strings.HasPrefix(origin.Source, "docker-image://"):
		e.out.Detour = at + ", which comes with a base image"
		return e.among(argv[1:])
	}
	return e.unknown(fmt.Sprintf("where %s comes from cannot be told", at))
}

// copied looks at a file of the build context: a script, or a program that somebody
// compiled before.
func (e *explainer) copied(ctx context.Context, argv []string, origin llbgen.Origin) error {
	def, err := origin.Definition()
	if err != nil {
		return err
	}
	res, err := e.client.Client.Solve(ctx, client.SolveRequest{Definition: def})
	if err != nil {
		return err
	}
	ref, err := res.SingleRef()
	if err != nil {
		return err
	}
	root := rootFS{ref}
	file, st, err := root.resolve(ctx, origin.Path)
	if err != nil {
		return err
	}
	if st == nil || !fs.FileMode(st.Mode).IsRegular() {
		e.out.Refusal = fmt.Sprintf("%s is copied from the build context, where %s does not exist: compile it in the Dockerfile, or build it first", e.out.Program, origin.Path)
		return nil
	}
	p := &program{path: e.out.Program, file: file, stat: st, args: argv[1:]}
	if err := p.read(ctx, root); err != nil {
		return err
	}
	var format *gobin.FormatError
	if errors.As(p.unread, &format) && format.Kind == gobin.KindScript {
		words, err := (finder{root: root}).scriptWords(ctx, p)
		if err != nil {
			return err
		}
		e.out.Detour = "the script " + e.out.Program
		return e.among(append(words, argv[1:]...))
	}
	e.out.Refusal = readyMade(p)
	e.ready = e.out.Refusal == ""
	return nil
}

// readyMade says what a program of the build context is.
func readyMade(p *program) string {
	if p.facts == nil {
		return fmt.Sprintf("%s is copied from the build context ready-made, and %v", p, p.unread)
	}
	if p.facts.Debuggable() == nil {
		return ""
	}
	return fmt.Sprintf("%s is copied from the build context ready-made: %s of module %s, compiled with %s; compile it in the Dockerfile",
		p, p.facts.Info.Path, p.facts.Info.Main.Path, p.facts.GoVersion)
}

// among looks for the program among words of a script or a command line: the one
// whose file a compiling step makes.
func (e *explainer) among(words []string) error {
	var found []string
	for _, w := range words {
		if w == "" || strings.HasPrefix(w, "-") || strings.ContainsAny(w, " \n=") {
			continue
		}
		origin, at, err := e.originOf(w)
		if err != nil {
			return err
		}
		if origin.Compiles != "" && !slices.Contains(found, at) {
			found = append(found, at)
			e.out.Program, e.out.Origin = at, describe(origin)
		}
	}
	switch len(found) {
	case 1:
		return nil
	case 0:
		return e.unknown(fmt.Sprintf("the image starts %s: which program that starts shows when it is built", e.out.Detour))
	}
	e.out.Program = ""
	return e.unknown(fmt.Sprintf("the image starts %s, which names %s: choose with --program PATH", e.out.Detour, strings.Join(found, ", ")))
}

// unknown notes what only a build can tell. Where no step compiles Go, that is
// answer enough.
func (e *explainer) unknown(why string) error {
	e.out.Warnings = append(e.out.Warnings, why)
	return nil
}

func describe(o llbgen.Origin) string {
	switch {
	case o.Step != "":
		return o.Step
	case strings.HasPrefix(o.Source, "local://"):
		return "the build context, " + o.Path
	}
	return o.Source
}

// plan completes the explanation by what follows from it.
func (e *explainer) plan() {
	compiling := slices.IndexFunc(e.out.Steps, func(s llbgen.Surveyed) bool { return s.Treatment == llbgen.TreatmentInstrumented })
	if compiling < 0 && e.out.Refusal == "" && !e.ready {
		e.out.Refusal = "no step of the Dockerfile compiles Go"
		if e.out.Origin != "" {
			e.out.Refusal += fmt.Sprintf(": %s comes from %s", e.out.Program, e.out.Origin)
		}
	}
	if e.out.Refusal != "" {
		return
	}
	for _, s := range e.out.Steps {
		if s.Go != "" {
			e.out.Go = "go" + s.Go
		}
	}
	in := variants.Input{
		Request: e.request, Platform: e.out.Platform, Config: e.image.config,
		Program: variants.Program{Path: e.out.Program, File: e.out.Program, GoVersion: e.out.Go},
		Command: variants.Command{Detour: e.out.Detour}, Version: e.version,
	}
	if in.Request.Variant.Kind == variants.KindSidecar {
		in.Symbols = &variants.Symbols{}
	}
	p, err := variants.New(in)
	if err != nil {
		e.out.Refusal = err.Error()
		return
	}
	e.out.Entry, e.out.Layers = p.Request.Entry, p.Layers
	if e.out.Go != "" {
		e.out.Delve = p.Delve
	}
}

