package bench

import (
	"fmt"
	"slices"
)

// unit is what a figure is counted in; its text is in saved reports.
type unit string

const (
	seconds   unit = "s"
	megabytes unit = "MB"  // figures are bytes
	mebibytes unit = "MiB" // figures are bytes
)

// format writes a figure as people read it, with three digits or so.
func (u unit) format(v float64) string {
	switch {
	case u == megabytes:
		return fmt.Sprintf("%.1f MB", v/1e6)
	case u == mebibytes:
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	case v == 0:
		return "0 s"
	case v < 0.0001:
		return fmt.Sprintf("%.1f µs", v*1e6)
	case v < 0.01:
		return fmt.Sprintf("%.1f ms", v*1e3)
	case v < 0.1:
		return fmt.Sprintf("%.0f ms", v*1e3)
	case v < 10:
		return fmt.Sprintf("%.2f s", v)
	}
	return fmt.Sprintf("%.1f s", v)
}

// median is the lower of the middle two where there is no middle, 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
