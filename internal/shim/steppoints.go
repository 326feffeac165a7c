package shim

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// stepPoints are the mount points of a step below its root: those that production
// has not, and those that it has too.
type stepPoints struct {
	own, others []string
}

// readStepPoints tells dlvgen's own mount points from the user's and the runtime's:
// they lie in layout.Dir, stand over a program that is found below s.Real, or show
// the folder of a cache of ours.
func (s Step) readStepPoints() (stepPoints, error) {
	points, err := readMounts(s.Mountinfo)
	if err != nil {
		return stepPoints{}, err
	}
	var m stepPoints
	for point, root := range points {
		switch {
		case point == "/":
		case isWithin(point, filepath.Dir(s.Real)), points.has(s.Real + point), strings.HasPrefix(filepath.Base(root), layout.CachePrefix):
			m.own = append(m.own, point)
		default:
			m.others = append(m.others, point)
		}
	}
	return m, nil
}

// isOwn tells whether a mount point of dlvgen's is at the path.
func (m stepPoints) isOwn(path string) bool { return slices.Contains(m.own, filepath.Clean(path)) }

// anyWithin tells whether one of the mount points is the folder or lies in it.
func anyWithin(points []string, folder string) bool {
	return slices.ContainsFunc(points, func(p string) bool { return isWithin(p, folder) })
}

// isWithin tells whether a clean path is the folder or lies in it.
func isWithin(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}
