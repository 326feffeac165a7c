package registry

import (
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ImageLayer is a layer of an image as it is pulled.
type ImageLayer struct {
	Digest string `json:"digest"`

	// Size is in bytes, compressed as the registry has it.
	Size int64 `json:"size"`

	// CreatedBy is what the image's history says of it, empty where that does not fit the layers.
	CreatedBy string `json:"createdBy,omitempty"`

	// Added says that dlvgen added it to production's.
	Added bool `json:"added"`
}

// Layers are those of the image, its base's first.
func (p PlatformPlan) Layers() ([]ImageLayer, error) {
	manifest, err := p.Image.Manifest()
	if err != nil {
		return nil, err
	}
	config, err := p.Image.ConfigFile()
	if err != nil {
		return nil, err
	}
	history := layerHistory(config, len(manifest.Layers))
	layers := make([]ImageLayer, len(manifest.Layers))
	for i, l := range manifest.Layers {
		layers[i] = ImageLayer{Digest: l.Digest.String(), Size: l.Size}
		if history != nil {
			layers[i].CreatedBy, layers[i].Added = history[i].CreatedBy, addedBy(history[i])
		}
	}
	return layers, nil
}

// AddedLayers tells by the history which of an image's layers dlvgen added, nil where it has
// another number of entries: then nothing is known of them.
func AddedLayers(config *v1.ConfigFile, layers int) []bool {
	var added []bool
	for _, h := range layerHistory(config, layers) {
		added = append(added, addedBy(h))
	}
	return added
}

// layerHistory is the history of an image's layers, one entry for each, nil where it has another
// number of entries.
func layerHistory(config *v1.ConfigFile, layers int) []v1.History {
	var history []v1.History
	for _, h := range config.History {
		if !h.EmptyLayer {
			history = append(history, h)
		}
	}
	if len(history) != layers {
		return nil
	}
	return history
}

func addedBy(h v1.History) bool { return h.Comment == variants.HistoryComment }
