package delve

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// nearest lists the shipped versions, the nearest to the asked one first. What is no
// version, "latest", is near to the newest.
func nearest(asked string) []string {
	list := Versions()
	want, ok := parse(asked)
	if !ok {
		return list
	}
	distance := func(delve string) int {
		have, _ := parse(delve)
		return max(want-have, have-want)
	}
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
	return list
}

// parse makes a number of a version, the larger the newer: 1025002 of "1.25.2" and
// 1025000 of "v1.25".
func parse(delve string) (int, bool) {
	parts := strings.Split(strings.TrimPrefix(delve, "v"), ".")
	if len(parts) > 3 {
		return 0, false
	}
	number := 0
	for i := range 3 {
		n := 0
		if i < len(parts) {
			var err error
			if n, err = strconv.Atoi(parts[i]); err != nil || n < 0 || n > 999 {
				return 0, false
			}
		}
		number = number*1000 + n
	}
	return number, true
}
