package buildkit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"
)

// baseConfig is the child's configuration before the user's own keys. Keys as in
// https://github.com/moby/buildkit/blob/v0.34.2/docs/buildkitd.toml.md. What is left
// out is meant to be at its default: snapshotter "auto" (overlayfs where it works),
// networkMode "auto" (CNI where it is configured, else the host's network), and
// plain HTTP for registries on the loopback address.
func baseConfig(runtime string) map[string]any {
	return map[string]any{
		// Asked for by --network=host, which each build must allow as well.
		"insecure-entitlements": []string{"network.host"},
		"worker": map[string]any{
			"oci": map[string]any{
				"enabled":       true,
				"binary":        runtime,
				"gc":            true,
				"reservedSpace": "5GB",
				"maxUsedSpace":  "30GB",
				"minFreeSpace":  "10%",
			},
			"containerd": map[string]any{"enabled": false},
		},
	}
}

// rootlessConfig are the keys beside those for a child that an ordinary user starts.
func (c *Child) rootlessConfig() map[string]any {
	return map[string]any{
		"otel":   map[string]any{"socketPath": filepath.Join(c.dir, "otel-grpc.sock")}, // the default is root's
		"worker": map[string]any{"oci": map[string]any{"rootless": true}},
	}
}

// config returns the child's buildkitd.toml, with the user's keys laid over it, and
// its digest.
func (c *Child) config(runtime string, rootless bool) ([]byte, string, error) {
	keys := baseConfig(runtime)
	if rootless {
		overlay(keys, c.rootlessConfig())
	}
	if c.userConfig != "" {
		data, err := os.ReadFile(c.userConfig)
		if err != nil {
			return nil, "", fmt.Errorf("reading the buildkitd configuration: %w", err)
		}
		var user map[string]any
		if err := toml.Unmarshal(data, &user); err != nil {
			return nil, "", fmt.Errorf("parsing the buildkitd configuration %s: %w", c.userConfig, err)
		}
		overlay(keys, user)
	}
	// Maps are written in the order of their keys.
	data, err := toml.Marshal(keys)
	if err != nil {
		return nil, "", fmt.Errorf("encoding the buildkitd configuration: %w", err)
	}
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:]), nil
}

// overlay sets the keys of top in base; tables are merged, everything else replaced.
func overlay(base, top map[string]any) {
	for key, value := range top {
		below, okBelow := base[key].(map[string]any)
		above, okAbove := value.(map[string]any)
		if okBelow && okAbove {
			overlay(below, above)
			continue
		}
		base[key] = value
	}
}
