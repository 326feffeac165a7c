package rebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"golang.org/x/mod/modfile"
	gomod "golang.org/x/mod/module"
)

// downloaded is what the module cache has of a module.
type downloaded struct {
	Path, Version string
	GoMod         []byte // its go.mod
	Sum           string
	Origin        struct{ Hash string }
}

// UnavailableError says that the program cannot be compiled from the module proxy.
type UnavailableError struct {
	cause error

	// Hint is what BuildKit's error does not say, where the cause is one of its steps.
	Hint string
}

// Error implements error.
func (e *UnavailableError) Error() string { return e.cause.Error() }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.cause }

// checkModule downloads the program's module, and compares it with what the program was
// made from. The go command has checked it with the checksum database then. The error is an
// [UnavailableError] where other sources may do.
func (p *Plan) checkModule(ctx context.Context) error {
	info := p.compile.Info
	module := info.Main.Path + "@" + info.Main.Version
	failed := func(err error) error {
		return fmt.Errorf("downloading %s, to rebuild %s: %w", module, p.Program, err)
	}
	def, err := p.compile.Download().Marshal(ctx, llb.Platform(p.compile.Platform), llb.WithCaps(p.Client.BuildOpts().LLBCaps))
	if err != nil {
		return failed(err)
	}
	m, err := p.download(ctx, def)
	var step *errdefs.VertexError
	if errors.As(err, &step) {
		hint := fmt.Sprintf("the Go module proxy does not give %s, which %s was compiled from: %s", module, p.Program, p.otherwise())
		return &UnavailableError{cause: err, Hint: hint}
	}
	if err != nil {
		return failed(err)
	}
	if err := sameModule(p.Program, m, p.otherwise()); err != nil {
		return &UnavailableError{cause: err}
	}
	if info.Main.Sum == "" && (m.Origin.Hash == "" || llbgen.Setting(info, "vcs.revision") == "") {
		p.Record.Warnings = append(p.Record.Warnings, fmt.Sprintf("production's was compiled in a checkout, and nothing tells whether that had the sources of the Go module proxy's %s", module))
	}
	if err := installable(p.Program, m, p.otherwise()); err != nil {
		return &UnavailableError{cause: err}
	}
	return nil
}

// download runs the step that downloads the module, and reads what the go command keeps of it
// (https://go.dev/ref/mod#module-cache).
func (p *Plan) download(ctx context.Context, def *llb.Definition) (m downloaded, err error) {
	main := p.compile.Info.Main
	m.Path, m.Version = main.Path, main.Version
	dir, err := gomod.EscapePath(main.Path)
	if err != nil {
		return m, err
	}
	version, err := gomod.EscapeVersion(main.Version)
	if err != nil {
		return m, err
	}
	res, err := p.Client.Solve(ctx, client.SolveRequest{Definition: def.ToPB(), CacheImports: p.Image.Solve.CacheImports})
	if err != nil {
		return m, err
	}
	ref, err := res.SingleRef()
	if err != nil {
		return m, err
	}
	read := func(extension string) ([]byte, error) {
		return ref.ReadFile(ctx, client.ReadRequest{Filename: path.Join(llbgen.DownloadCache, "cache/download", dir, "@v", version+extension)})
	}
	info, err := read(".info")
	if err == nil {
		err = json.Unmarshal(info, &m)
	}
	if err != nil {
		return m, err
	}
	if m.GoMod, err = read(".mod"); err != nil {
		return m, err
	}
	sum, err := read(".ziphash")
	m.Sum = strings.TrimSpace(string(sum))
	return m, err
}

// otherwise says how the program can be compiled if not from the module proxy.
func (m ReadyMade) otherwise() string {
	if m.Published != nil {
		return "name a checkout of its sources with --source"
	}
	return "take a checkout as the build context and --rebuild=context, or compile it in the Dockerfile"
}

// sameModule compares the sums, or where the program has none, since it was compiled in
// a checkout, the commits.
func sameModule(p *find.Program, m downloaded, otherwise string) error {
	info := p.Facts.Info
	if info.Main.Sum != "" && info.Main.Sum != m.Sum {
		return fmt.Errorf("%s was compiled from %s@%s with the sum %s, and the Go module proxy's has %s: it is not the same source: %s",
			p, m.Path, m.Version, info.Main.Sum, m.Sum, otherwise)
	}
	revision := llbgen.Setting(info, "vcs.revision")
	if info.Main.Sum == "" && revision != "" && m.Origin.Hash != "" && revision != m.Origin.Hash {
		return fmt.Errorf("%s was compiled from commit %s, and the Go module proxy's %s@%s is commit %s: %s",
			p, short(revision), m.Path, m.Version, short(m.Origin.Hash), otherwise)
	}
	return nil
}

// installable refuses a module that go install does not compile with a version:
// replace and exclude lines count in the main module only
// (https://go.dev/ref/mod#go-install).
func installable(p *find.Program, m downloaded, otherwise string) error {
	f, err := modfile.ParseLax("go.mod", m.GoMod, nil)
	if err != nil {
		return fmt.Errorf("reading the go.mod of %s@%s, to rebuild %s: %w", m.Path, m.Version, p, err)
	}
	for _, stmt := range f.Syntax.Stmt {
		if verb := verbOf(stmt); verb == "replace" || verb == "exclude" {
			return fmt.Errorf("the go.mod of %s@%s has %s lines, so go install cannot compile %s from it: %s",
				m.Path, m.Version, verb, p, otherwise)
		}
	}
	return nil
}

// verbOf is the first word of a statement of a go.mod, a block or a line.
func verbOf(stmt modfile.Expr) string {
	var words []string
	switch s := stmt.(type) {
	case *modfile.Line:
		words = s.Token
	case *modfile.LineBlock:
		words = s.Token
	}
	if len(words) == 0 {
		return ""
	}
	return words[0]
}
