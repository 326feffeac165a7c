package rebuild

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/util/gitutil"
	"github.com/moby/buildkit/util/urlutil"
)

// origin is what the program of a published image is compiled from, as far as its build
// information and the command line say.
type origin struct {
	kind variants.Rebuild // RebuildContext, RebuildModule or RebuildGit

	// repository and ref are those of RebuildGit.
	repository, ref string

	// warnings say in what the sources may differ from production's.
	warnings []string
}

// sourceFlag is what messages, and the plan in the image, call a folder of sources.
const sourceFlag = "--source"

// originOf chooses what the program is compiled from: what the command line names, else the
// module at its version, else the commit in the repository that the module's path names. The
// error says why from nothing, on one line that reads on after a colon.
func originOf(info *debug.BuildInfo, s production.Sources) (origin, error) {
	if err := llbgen.CheckRebuild(info); err != nil {
		return origin{}, err
	}
	switch {
	case s.Folder:
		return ofFolder(info, s)
	case s.Git != "":
		return ofGit(info, s)
	}
	unpublished := notInProxy(info)
	if unpublished == nil {
		return origin{kind: variants.RebuildModule}, nil
	}
	o, err := commitOf(info, s)
	var unknown *unknownError
	if errors.As(err, &unknown) {
		return origin{}, fmt.Errorf("%w, and %w", unpublished, err)
	}
	return o, err
}

// commitOf is the program's commit in the repository that its module's path names. The error is
// an unknownError where they are not known.
func commitOf(info *debug.BuildInfo, s production.Sources) (o origin, err error) {
	if llbgen.Setting(info, "vcs.revision") == "" {
		return origin{}, &unknownError{"it names no commit: name its sources with --source"}
	}
	if s.Git, err = repositoryOf(info.Main.Path); err != nil {
		return origin{}, err
	}
	return ofGit(info, s)
}

// unknownError says what build information does not tell.
type unknownError struct{ what string }

func (e *unknownError) Error() string { return e.what }

// notInProxy says why the module proxy cannot have what the program was compiled from.
func notInProxy(info *debug.BuildInfo) error {
	if !released(info.Main.Version) {
		return errors.New(unreleased(info.Main.Version))
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			return fmt.Errorf("the go.mod of %s replaces %s by %s, which go install does not do for a module of the Go module proxy",
				info.Main.Path, m.Path, strings.TrimSpace(m.Replace.Path+" "+m.Replace.Version))
		}
	}
	return nil
}

// ofFolder compares the checkout with what the program was compiled from.
func ofFolder(info *debug.BuildInfo, s production.Sources) (origin, error) {
	o := origin{kind: variants.RebuildContext}
	revision := llbgen.Setting(info, "vcs.revision")
	switch {
	case revision == "":
		o.warnings = append(o.warnings, fmt.Sprintf("its build information names no commit, so nothing tells whether %s has production's sources", sourceFlag))
	case s.Revision == "":
		o.warnings = append(o.warnings, fmt.Sprintf("production's was compiled from commit %s, and the commit of %s is not known", short(revision), sourceFlag))
	case revision != s.Revision:
		if err := o.mismatch(s, fmt.Sprintf("production's was compiled from commit %s, and %s is at %s", short(revision), sourceFlag, short(s.Revision)),
			"check out that commit"); err != nil {
			return origin{}, err
		}
	}
	if modified(info) {
		o.warnings = append(o.warnings, uncommitted(revision))
	} else if s.Changed {
		o.warnings = append(o.warnings, sourceFlag+" has changes that are not committed")
	}
	return o, nil
}

// commitID is what git calls a commit. Build information may have anything there, which git
// would take for a flag, or BuildKit for a folder.
var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// ofGit takes the commit that the program names, or what the URL has behind "#".
func ofGit(info *debug.BuildInfo, s production.Sources) (origin, error) {
	remote, err := gitutil.ParseURL(s.Git)
	if err != nil {
		return origin{}, fmt.Errorf("--source is %q: %w", urlutil.RedactCredentials(s.Git), err)
	}
	revision := llbgen.Setting(info, "vcs.revision")
	o := origin{kind: variants.RebuildGit, repository: remote.Remote, ref: revision}
	if remote.Opts != nil && remote.Opts.Ref != "" {
		o.ref = remote.Opts.Ref
	}
	if o.ref == revision && revision != "" && !commitID.MatchString(revision) {
		return origin{}, fmt.Errorf("its commit %q is none of git's: name a branch, tag or commit of the repository: --source git+URL#REF", revision)
	}
	if o.ref == "" {
		return origin{}, fmt.Errorf("its build information names no commit: name a branch, tag or commit of the repository: --source %s#REF", urlutil.RedactCredentials(o.repository))
	}
	if modified(info) {
		if err := o.mismatch(s, uncommitted(revision), "name a folder that has them with --source"); err != nil {
			return origin{}, err
		}
	}
	return o, nil
}

// checkCommit compares the commit that was fetched with the program's.
func (o *origin) checkCommit(info *debug.BuildInfo, s production.Sources, fetched string) error {
	revision := llbgen.Setting(info, "vcs.revision")
	switch {
	case revision == "":
		o.warnings = append(o.warnings, fmt.Sprintf("its build information names no commit, so nothing tells whether %s has production's sources", o.ref))
	case fetched != "" && fetched != revision:
		return o.mismatch(s, fmt.Sprintf("production's was compiled from commit %s, and %s of the repository is %s", short(revision), o.ref, short(fetched)),
			"leave out #"+o.ref)
	}
	return nil
}

// mismatch is an error, or a warning where that was asked for.
func (o *origin) mismatch(s production.Sources, what, advice string) error {
	if !s.AllowMismatch {
		return fmt.Errorf("%s: %s, or add --allow-mismatch", what, advice)
	}
	o.warnings = append(o.warnings, what)
	return nil
}

func modified(info *debug.BuildInfo) bool { return llbgen.Setting(info, "vcs.modified") == "true" }

func uncommitted(revision string) string {
	return fmt.Sprintf("production's was compiled from commit %s with changes that were not committed", short(revision))
}

// forges are hosts on which the path of a module begins with that of its repository: of two
// elements.
var forges = []string{"bitbucket.org", "codeberg.org", "github.com", "gitlab.com"}

// repositoryOf is the URL of the repository that a module's path names.
func repositoryOf(module string) (string, error) {
	host, rest, _ := strings.Cut(module, "/")
	elements := strings.Split(rest, "/")
	for _, forge := range forges {
		if host == forge && len(elements) >= 2 && elements[0] != "" && elements[1] != "" {
			return "https://" + path.Join(host, elements[0], strings.TrimSuffix(elements[1], ".git")+".git"), nil
		}
	}
	return "", &unknownError{fmt.Sprintf("its path %s does not name its git repository: name that with --source git+https://HOST/PATH", module)}
}
