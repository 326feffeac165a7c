package session

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/kubernetes"
)

// identity is whom a debugger in a pod runs as.
type identity struct {
	// user and group are nil for those of the pod and of the debugger's image, which is root.
	user, group *int64

	// guessed says that nothing tells the user of the program.
	guessed bool

	// restricted leaves the capability out, as Pod Security demands.
	restricted bool
}

// String is UID:GID, or UID where nothing tells the group. Without a user it is root.
func (i identity) String() string {
	switch {
	case i.user == nil:
		return "root"
	case i.group == nil:
		return strconv.FormatInt(*i.user, 10)
	}
	return fmt.Sprintf("%d:%d", *i.user, *i.group)
}

// anybody stands for a user that nothing tells: the debugger of a pod that must not run as root says
// itself as whom the program runs. It is the user of distroless images.
const anybody = 65532

// identify is whom the debugger of the pod runs as at first: who the user says; root, who may
// debug any program; or the program's own user, where manifests name one or forbid root.
func (p *Pod) identify(o Options) (identity, error) {
	if o.User != nil {
		return identity{user: o.User, group: o.Group}, nil
	}
	_, err := p.profile(identity{})
	var unknown *kubernetes.NoUserError
	switch {
	case errors.As(err, &unknown):
		return p.program(), nil
	case err != nil:
		return identity{}, err
	case p.inManifest() != nil:
		return p.program(), nil
	}
	return identity{}, nil
}

// inManifest is the user that the manifest names, nil for none.
func (p *Pod) inManifest() *int64 {
	if user := p.container.SecurityContext.RunAsUser; user != nil {
		return user
	}
	return p.seen.Spec.SecurityContext.RunAsUser
}

// program is the user of the program, as far as anything tells: its node, its manifest, its image.
func (p *Pod) program() identity {
	if u := p.status.User; u != nil && u.Linux != nil {
		return identity{user: &u.Linux.UID, group: &u.Linux.GID}
	}
	image := p.imageUser()
	is := identity{user: p.inManifest(), group: p.container.SecurityContext.RunAsGroup}
	if is.group == nil {
		is.group = p.seen.Spec.SecurityContext.RunAsGroup
	}
	switch {
	case is.user == nil:
		is.user = image.user
	case image.user != nil && *image.user != *is.user:
		image.group = nil
	}
	if is.group == nil {
		is.group = image.group
	}
	if is.user == nil {
		id := int64(anybody)
		is.user, is.guessed = &id, true
	}
	return is
}

// imageUser is the user of the image's config, where that is a number, or root.
func (p *Pod) imageUser() (is identity) {
	if len(p.images) == 0 {
		return is
	}
	config, err := p.images[0].Image.ConfigFile()
	if err != nil {
		return is
	}
	user, group, _ := strings.Cut(config.Config.User, ":")
	if user == "" || user == "root" {
		user = "0"
	}
	if user == "0" && (group == "" || group == "root") {
		group = "0"
	}
	parse := func(text string) *int64 {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil
		}
		return &id
	}
	return identity{user: parse(user), group: parse(group)}
}

// rootless says that the pod must not run as root.
func (p *Pod) rootless() bool {
	nonRoot := p.seen.Spec.SecurityContext.RunAsNonRoot
	if own := p.container.SecurityContext.RunAsNonRoot; own != nil {
		nonRoot = own
	}
	return nonRoot != nil && *nonRoot
}

// profile is the security context of a debugger.
func (p *Pod) profile(is identity) ([]byte, error) {
	return p.workload.Profile(p.container.Name, kubernetes.Options{User: is.user, Group: is.group, Restricted: is.restricted})
}

// identities are what a sidecar says of the program's user and its own (internal/sidecar,
// notInspected).
var identities = regexp.MustCompile(`it runs as (\d+):(\d+), and the debugger as (\d+):(\d+)`)

// after is whom to try after a debugger was not allowed to attach, and why: the program's own user,
// where the debugger says that it is another one, else root. It is false where nobody is left.
func (p *Pod) after(is identity, logs string) (next identity, why string, ok bool) {
	if m := identities.FindStringSubmatch(logs); len(m) > 0 && (m[1] != m[3] || m[2] != m[4]) {
		user, _ := strconv.ParseInt(m[1], 10, 64) // digits
		group, _ := strconv.ParseInt(m[2], 10, 64)
		if user != 0 || !is.restricted && !p.rootless() {
			next = identity{user: &user, group: &group, restricted: is.restricted}
			return next, fmt.Sprintf("the program runs as %s, and the debugger ran as %s:%s: starting another one as that user", next, m[3], m[4]), true
		}
	}
	if is.user == nil || *is.user == 0 || is.restricted || p.rootless() || !mayNotAttach(logs) {
		return is, "", false
	}
	root := int64(0)
	return identity{user: &root, group: &root}, fmt.Sprintf("the node does not let the user %s debug the program: starting another debugger as root", is), true
}
