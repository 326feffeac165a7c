package builders

import (
	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/emulation"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// offer is what a node builds for.
type offer struct {
	// declared are the platforms that buildx has stored for the node.
	declared []ocispecs.Platform

	// answered are those that the node's BuildKit says, its own first: nil where it was not
	// asked, or has not answered.
	answered []ocispecs.Platform

	// down says that the node has not answered: it gets nothing.
	down bool
}

// fit is how well a node builds for a platform.
type fit int

const (
	fitNone     fit = iota // no node says that it can: only steps of the node's own platform will run
	fitEmulated            // its BuildKit says that programs of the platform run there, and not natively
	fitNative              // it runs programs of the platform, or of one that includes it
	fitDeclared            // the user says so
)

// place says which node builds for a platform: the first that is declared for it, as in
// buildx (build/resolver); else the one that comes nearest to run it natively, such as
// linux/arm64 for linux/arm/v7; else one that emulates it; else the first. buildx would take
// an emulating node that is listed before the native one.
func place(p ocispecs.Platform, offers []offer) (node int, how fit) {
	for how := fitDeclared; how > fitNone; how-- {
		if i := nearest(p, offers, how); i >= 0 {
			return i, how
		}
	}
	for i, o := range offers {
		if !o.down {
			return i, fitNone
		}
	}
	return -1, fitNone
}

// nearest is the node with the platform that is nearest to p, of those that fit so well; -1
// for none.
func nearest(p ocispecs.Platform, offers []offer, how fit) int {
	best, bestPlatform := -1, ocispecs.Platform{}
	for i, o := range offers {
		if o.down {
			continue
		}
		for _, have := range o.platforms(how) {
			match := platforms.Only(have)
			if how == fitDeclared {
				match = platforms.OnlyStrict(have)
			}
			if match.Match(p) && (best < 0 || match.Less(p, bestPlatform)) {
				best, bestPlatform = i, have
			}
		}
	}
	return best
}

// platforms are those that are looked at for a fit.
func (o offer) platforms(how fit) []ocispecs.Platform {
	switch how {
	case fitDeclared:
		return o.declared
	case fitEmulated:
		return o.answered
	}
	list := append([]ocispecs.Platform{}, o.declared...)
	for _, p := range o.answered {
		if emulation.Native(p, o.answered[0]) {
			list = append(list, p)
		}
	}
	return list
}
