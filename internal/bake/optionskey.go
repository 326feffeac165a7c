package bake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/util/urlutil"
)

// nameOptions gives each image the name of what it is derived with: the same for the options
// that make the same image of one production image, and another for another dlvgen. Where an
// image goes is not part of it, nor how steps get modules and reach the network.
func (r *Request) nameOptions(from production.Sources) error {
	attrs := maps.Clone(r.attrs)
	for _, name := range []string{"no-cache", "image-resolve-mode", "add-hosts", "force-network-mode"} {
		delete(attrs, name)
	}
	maps.DeleteFunc(attrs, func(name, _ string) bool {
		arg, is := strings.CutPrefix(name, "build-arg:")
		return is && (slices.Contains(production.ModuleVariables, arg) || isProxy(arg))
	})
	var outputs []map[string]string
	for _, o := range r.outputs {
		if o.pushes() {
			outputs = append(outputs, o.attrs)
		}
	}
	var secrets []string
	for _, id := range from.Secrets {
		if !slices.Contains(production.ModuleVariables, id) {
			secrets = append(secrets, id)
		}
	}
	from.Secrets = secrets
	from.Git = urlutil.RedactCredentials(from.Git)
	for i := range r.images {
		text, err := json.Marshal(struct {
			Version  string
			Image    variants.Request
			Sources  production.Sources
			Attrs    map[string]string
			Contexts []string
			Outputs  []map[string]string
			Tools    string
		}{version.Version(), r.images[i].Request, from, attrs, r.contexts, outputs, r.frontendImage})
		if err != nil {
			return fmt.Errorf("naming the options: %w", err)
		}
		sum := sha256.Sum256(text)
		r.images[i].options = hex.EncodeToString(sum[:])
	}
	return nil
}

// isProxy says that a build arg is one of those that BuildKit leaves out of what steps are
// cached by.
func isProxy(arg string) bool {
	switch strings.ToUpper(arg) {
	case "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY":
		return true
	}
	return false
}
