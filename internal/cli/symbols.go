package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	ociplatforms "github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/symbols"
	"github.com/spf13/cobra"
)

// symbolsFlags are those of `dlvgen symbols`.
type symbolsFlags struct {
	registryFlags
	output    string
	archive   bool
	push      bool
	platforms []string
	debugger  string
}

func newSymbolsCommand(s streams) *cobra.Command {
	flags := &symbolsFlags{}
	cmd := &cobra.Command{
		Use:   "symbols REF",
		Short: "Export the symbols of a production image for debuggers",
		Long: `Export the symbols of a production image for debuggers.

A sidecar has the debug information of the production program, and its sources.
With -o, writes them to a folder, where Delve, gdb, perf and debuginfod find
them for the unmodified production program by its build id:

  DIR/.build-id/xx/yyyy.debug   the debug information
  DIR/.build-id/xx/yyyy.json    Go's own build id, platform, program
  DIR/src/xxyyyy/...            the sources

Several images can share the folder. Files that are there are not changed.
Without -o and --push, lists the symbols.

REF is a production image or a debug image, by tag or by digest. The symbols are
those that --push attached to the production image, else those of its sidecar.

Prints the names of the files, and REPOSITORY@DIGEST of what is attached.`,
		Example: `  dlvgen symbols registry.example/app:v1
  dlvgen symbols registry.example/app:v1 -o symbols
  dlvgen symbols registry.example/app:v1 -o symbols --for gdb > app.gdb
  dlvgen symbols registry.example/app:v1 --push`,
		Args: oneImage("exported"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, digest, err := registry.ParseImage(args[0])
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if err := flags.check(); err != nil {
				return usagef(cmd, "%w", err)
			}
			return s.symbols(cmd.Context(), flags, ref, digest)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVarP(&flags.output, "output", "o", "", "folder that the symbols are added to")
	fs.BoolVar(&flags.archive, "archive", false, `write an archive for each build to the folder instead, with its sources, as "debuginfod -Z .tar.gz" serves them`)
	fs.BoolVar(&flags.push, "push", false, "attach the symbols to the production image in the registry")
	fs.StringSliceVar(&flags.platforms, "platform", nil, "platforms whose symbols are exported (default: all)")
	fs.StringVar(&flags.debugger, "for", "", "print the settings of a debugger instead of the names: "+strings.Join(symbols.Debuggers, ", "))
	flags.register(fs)
	_ = cmd.RegisterFlagCompletionFunc("for", words(symbols.Debuggers...)) // the flag exists, and has none yet
	return cmd
}

func (f *symbolsFlags) check() error {
	for i, text := range f.platforms {
		p, err := ociplatforms.Parse(text)
		if err != nil {
			return fmt.Errorf("--platform is %q: write one such as linux/amd64", text)
		}
		f.platforms[i] = ociplatforms.FormatAll(ociplatforms.Normalize(p))
	}
	switch {
	case f.debugger != "" && !slices.Contains(symbols.Debuggers, f.debugger):
		return fmt.Errorf("--for is %q: it must be one of %s", f.debugger, strings.Join(symbols.Debuggers, ", "))
	case f.output == "" && (f.debugger != "" || f.archive):
		return fmt.Errorf("no folder is given: name it with -o")
	case f.debugger != "" && (f.archive || f.push || f.format == formatJSON):
		return fmt.Errorf("--for prints the settings for the files in a folder: use it without --archive, --push and --format json")
	case f.push && len(f.platforms) > 0:
		return fmt.Errorf("--push attaches the symbols of all platforms: use it without --platform")
	}
	return nil
}

// symbolRecord is a build in the output of --format json.
type symbolRecord struct {
	symbols.About
	From string `json:"from"`

	// Size is that of what is pulled, DebugSize that of the debug information.
	Size      int64 `json:"size"`
	DebugSize int64 `json:"debugSize,omitempty"`

	// Debug and Sources are the paths that were written, Archive in place of both.
	Debug   string `json:"debug,omitempty"`
	Sources string `json:"sources,omitempty"`
	Archive string `json:"archive,omitempty"`

	// Artifact is REPOSITORY@DIGEST of what is attached to Production.
	Artifact   string `json:"artifact,omitempty"`
	Production string `json:"production,omitempty"`
}

func (s streams) symbols(ctx context.Context, flags *symbolsFlags, ref registry.Reference, digest string) error {
	client := flags.client(s)
	source, err := s.symbolsOf(ctx, client, ref, digest, flags.push)
	if err != nil {
		return err
	}
	if err := source.choose(flags.platforms); err != nil {
		return err
	}
	if flags.output == "" && !flags.push {
		return s.listSymbols(flags.format, source)
	}
	switch {
	case flags.push && source.production == "":
		return fmt.Errorf("nothing links %s with its production image, which the symbols are attached to: run `dlvgen attach %s`", source.from, source.from)
	case flags.debugger != "" && len(source.builds) > 1:
		return fmt.Errorf("%s has several platforms, and the settings are for one: choose it with --platform", source.from)
	}
	return s.exportSymbols(ctx, client, flags, source)
}

// exportSymbols reads all builds, and writes them when all have been read.
func (s streams) exportSymbols(ctx context.Context, client *registry.Client, flags *symbolsFlags, source *symbolSource) error {
	dir, err := os.MkdirTemp("", "dlvgen-symbols-")
	if err != nil {
		return fmt.Errorf("keeping symbols: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var records []symbolRecord
	var builds []*symbols.Build
	for i, b := range source.builds {
		build, err := s.readSymbols(ctx, source, b, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		builds = append(builds, build)
		records = append(records, symbolRecord{About: build.About, From: source.from, Size: b.size, DebugSize: build.Size})
		s.warnWithoutID(build)
	}
	if flags.output != "" {
		for i, build := range builds {
			if err := records[i].write(build, flags); err != nil {
				return err
			}
		}
	}
	if flags.push {
		if err := s.pushSymbols(ctx, client, source, builds, records, dir); err != nil {
			return err
		}
	}
	return s.printSymbols(flags, builds, records)
}

// readSymbols reads a build into a folder, which it makes.
func (s streams) readSymbols(ctx context.Context, source *symbolSource, b symbolBuild, folder string) (*symbols.Build, error) {
	s.tell(fmt.Sprintf("reading the symbols for %s from %s", b.Platform, source.from))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("keeping symbols: %w", err)
	}
	build, err := b.read(folder)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the symbols for %s from %s: %w", b.Platform, source.from, err)
	}
	build.Platform = b.Platform
	return build, nil
}

// warnWithoutID says what finds symbols that have no GNU build id.
func (s streams) warnWithoutID(b *symbols.Build) {
	if b.GNU == "" {
		s.tell(fmt.Sprintf("warning: %s (%s, %s) has no GNU build id, so gdb, perf and debuginfod cannot find its symbols: Delve does, see `dlvgen symbols -o DIR --for dlv`", b.Program, b.Platform, b.GoVersion))
	}
}

// write writes a build to the folder.
func (r *symbolRecord) write(b *symbols.Build, flags *symbolsFlags) error {
	at := func(name string) string { return filepath.Join(flags.output, filepath.FromSlash(name)) }
	if flags.archive {
		r.Archive = at(b.ArchiveName())
		return b.StoreArchive(flags.output)
	}
	r.Debug = at(b.DebugName())
	if len(b.Sources) > 0 {
		r.Sources = at(b.SourcesName())
	}
	return b.Store(flags.output)
}

// pushSymbols attaches the builds to production.
func (s streams) pushSymbols(ctx context.Context, client *registry.Client, source *symbolSource, builds []*symbols.Build, records []symbolRecord, dir string) error {
	var archives []registry.SymbolsArchive
	for i, b := range builds {
		a, err := archiveOf(b, filepath.Join(dir, fmt.Sprintf("%d.tar.gz", i)))
		if err != nil {
			return fmt.Errorf("packing the symbols for %s: %w", b.Platform, err)
		}
		archives = append(archives, a)
	}
	production := withDigest(source.repository, source.production)
	artifact, pushed, err := client.PushSymbols(ctx, source.repository, source.production, archives)
	if err != nil {
		return err
	}
	if !pushed {
		s.tell("nothing to push: " + production + " has these symbols")
	}
	for i := range records {
		records[i].Production, records[i].Artifact = production, withDigest(source.repository, artifact)
	}
	return nil
}

// archiveOf packs a build into a file.
func archiveOf(b *symbols.Build, file string) (registry.SymbolsArchive, error) {
	content, _, err := b.Content()
	if err != nil {
		return registry.SymbolsArchive{}, err
	}
	f, err := os.Create(file)
	if err != nil {
		return registry.SymbolsArchive{}, err
	}
	err = b.Archive(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return registry.SymbolsArchive{}, err
	}
	annotations := b.Annotations()
	annotations[registry.SymbolsContent] = "sha256:" + content
	return registry.NewSymbolsArchive(b.ArchiveName(), file, annotations)
}

func (s streams) printSymbols(flags *symbolsFlags, builds []*symbols.Build, records []symbolRecord) error {
	if flags.format == formatJSON {
		return writeJSON(s.out, records)
	}
	var text strings.Builder
	if flags.debugger != "" {
		settings, err := builds[0].Settings(flags.debugger, flags.output)
		if err != nil {
			return err
		}
		text.WriteString(settings)
	} else {
		for _, r := range records {
			for _, path := range []string{r.Debug, r.Archive} {
				if path != "" {
					fmt.Fprintln(&text, path)
				}
			}
		}
		if flags.push {
			fmt.Fprintln(&text, records[0].Artifact)
		}
	}
	_, err := fmt.Fprint(s.out, text.String())
	return err
}

func (s streams) listSymbols(format formatValue, source *symbolSource) error {
	if format == formatJSON {
		records := []symbolRecord{}
		for _, b := range source.builds {
			records = append(records, symbolRecord{About: b.About, From: source.from, Size: b.size})
		}
		return writeJSON(s.out, records)
	}
	t := newGrid(s.out, "PLATFORM", "BUILD ID", "GO", "PROGRAM", "SIZE", "FROM")
	for _, b := range source.builds {
		t.row(b.Platform, b.GNU, strings.TrimPrefix(b.GoVersion, "go"), b.Program, size(b.size), source.from)
	}
	return t.Flush()
}
