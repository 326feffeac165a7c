package production

import "testing"

func TestSyntaxLinesOfDockerfiles(t *testing.T) {
	for image, want := range map[string]bool{
		"docker/dockerfile:1":                    true,
		"docker.io/docker/dockerfile:1.7-labs":   true,
		"docker/dockerfile":                      true,
		"docker/dockerfile-upstream:master":      true,
		"mirror.example:5000/cache/dockerfile:1": true,
		"docker/dockerfile@sha256:0000000000000000000000000000000000000000000000000000000000000000": true,
		"dlvgen/dlvgen:1":            true,
		"registry.example/dlvgen":    true,
		"ghcr.example/other/earthly": false,
		"tonistiigi/dockerfile-like": false,
		"Not A Reference":            false,
	} {
		if got := isDockerfileSyntax(image); got != want {
			t.Errorf("%s: %t, want %t", image, got, want)
		}
	}
}
