package doctor

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
)

// stamp is what the go command writes into a program of the commit that it compiles.
type stamp struct {
	system, revision string
	modified         bool // the work tree had changes
}

// revisionPattern is a commit of git.
var revisionPattern = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// stampOf is empty for a program without one, and of another system than git.
func stampOf(facts *gobin.Facts) stamp {
	var s stamp
	for _, one := range facts.Info.Settings {
		switch one.Key {
		case "vcs":
			s.system = one.Value
		case "vcs.revision":
			s.revision = one.Value
		case "vcs.modified":
			s.modified = one.Value == "true"
		}
	}
	if s.system != "git" || !revisionPattern.MatchString(s.revision) {
		return stamp{}
	}
	return s
}

// short is a revision as git abbreviates it.
func (s stamp) short() string { return s.revision[:12] }

var (
	errNoGit        = errors.New("git is not in PATH")
	errNoRepository = errors.New("the checkout is no git repository")
	errNoCommit     = errors.New("the checkout's repository does not have the commit: `git fetch` may bring it")
)

// changed are the files of a folder that differ between a commit and the work tree, by their paths
// below the folder.
func changed(ctx context.Context, folder, revision string) ([]string, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errNoGit
	}
	git := func(words ...string) (string, error) {
		return output(ctx, "", []string{"GIT_OPTIONAL_LOCKS=0"}, append([]string{"git", "-C", folder}, words...)...)
	}
	if _, err := git("rev-parse", "--git-dir"); err != nil {
		return nil, errNoRepository
	}
	if _, err := git("cat-file", "-e", revision+"^{commit}"); err != nil {
		return nil, errNoCommit
	}
	out, err := git("diff", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "-z", "--relative", revision, "--", ".")
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(out, func(r rune) bool { return r == 0 }), nil
}
