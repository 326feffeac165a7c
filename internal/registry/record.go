package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
)

// RecordTag is the tag that a [Record] has in its repository.
const RecordTag = "dlvgen-derived"

// RecordType is the artifact type of a [Record], and the media type of its one layer.
const RecordType = "application/vnd.dlvgen.derived.v1+json"

// maxRecord is how large a record may be: of a hundred thousand debug tags.
const maxRecord = 32 << 20

// Derived is what a debug tag was derived from and with, when it was.
type Derived struct {
	Debug      string `json:"debug"` // the tag, or the whole reference in another repository
	Digest     string `json:"digest"`
	Production string `json:"production"`
	Options    string `json:"options"`
}

// Record has what was derived in a repository, by the debug tag. It saves questions: the links
// of the images say the same, one request at a time. So it may be lost, and may be written by
// two at the same time.
type Record map[string]Derived

// RecordKey is how a record of the repository names a debug tag.
func (k *Catalog) RecordKey(debug Reference) string {
	if debug.Key().Repository() == k.s.ref.Key().Repository() {
		return debug.tag
	}
	return debug.String()
}

// Record reads the record, an empty one where there is none. The error is a [*NoRecordError]
// where the tag names something else.
func (k *Catalog) Record(ctx context.Context) (Record, error) {
	record, err := k.record(ctx)
	var other *NoRecordError
	switch {
	case isAbsent(err):
		return Record{}, nil
	case err == nil, errors.As(err, &other):
		return record, err
	}
	return nil, explain("reading "+k.tagged(RecordTag), k.s.ref.host, err)
}

// NoRecordError says that the record's tag names something that is no record.
type NoRecordError struct {
	Ref    string
	Reason string
}

func (e *NoRecordError) Error() string {
	return fmt.Sprintf("tag %s exists and is no record of what dlvgen derived (%s)", e.Ref, oneLine(e.Reason))
}

func (k *Catalog) record(ctx context.Context) (Record, error) {
	none := func(format string, args ...any) error {
		return &NoRecordError{Ref: k.tagged(RecordTag), Reason: fmt.Sprintf(format, args...)}
	}
	top, err := k.s.puller.Get(ctx, k.s.repo.Tag(RecordTag))
	if err != nil {
		return nil, err
	}
	if !top.MediaType.IsImage() {
		return nil, none("its media type is %q", top.MediaType)
	}
	img, err := top.Image()
	if err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, none("%s", err)
	}
	if manifest.Config.MediaType != RecordType || len(manifest.Layers) != 1 {
		return nil, none("its config has the media type %q", manifest.Config.MediaType)
	}
	if size := manifest.Layers[0].Size; size < 0 || size > maxRecord {
		return nil, none("it has %d bytes, and a record has %d at most", size, maxRecord)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	r, err := layers[0].Compressed()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	text, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	if err != nil {
		return nil, err
	}
	var file recordFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, none("%s", err)
	}
	return file.record(), nil
}

// recordFile is the layer's content.
type recordFile struct {
	Derived []Derived `json:"derived"`
}

// record leaves out what says nothing: anybody who can push may have written it.
func (f recordFile) record() Record {
	record := Record{}
	for _, d := range f.Derived {
		if d.Debug != "" && isDigest(d.Digest) && isDigest(d.Production) && d.Options != "" {
			record[d.Debug] = d
		}
	}
	return record
}

// Write adds to the record, and takes out of it what is in removed. It reads the record first,
// so that what others added meanwhile stays. The error is a [*NoRecordError] where the tag names
// something else, which stays, or says what the registry did.
func (k *Catalog) Write(ctx context.Context, added, removed Record) error {
	record, err := k.Record(ctx)
	if err != nil {
		return err
	}
	before := maps.Clone(record)
	maps.DeleteFunc(record, func(debug string, d Derived) bool { return removed[debug] == d })
	maps.Copy(record, added)
	if maps.Equal(record, before) {
		return nil
	}
	img, err := record.image()
	if err != nil {
		return err
	}
	return explain("writing "+k.tagged(RecordTag), k.s.ref.host, k.s.pusher.Push(ctx, k.s.repo.Tag(RecordTag), img))
}

// image is the record as a registry has it, the same for the same entries.
func (r Record) image() (v1.Image, error) {
	file := recordFile{Derived: slices.SortedFunc(maps.Values(r), func(a, b Derived) int { return cmp.Compare(a.Debug, b.Debug) })}
	text, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	if len(text) > maxRecord {
		return nil, fmt.Errorf("%s would have %d bytes, and has %d at most", RecordTag, len(text), maxRecord)
	}
	layer := static.NewLayer(text, RecordType)
	digest, err := layer.Digest()
	if err != nil {
		return nil, err
	}
	return artifact(v1.Manifest{
		ArtifactType: RecordType, Layers: []v1.Descriptor{{MediaType: RecordType, Size: int64(len(text)), Digest: digest}},
	}, map[v1.Hash]v1.Layer{digest: layer})
}
