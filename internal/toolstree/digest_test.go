package toolstree_test

import (
	"maps"
	"testing"
	"testing/fstest"

	"github.com/dlvgen/dlvgen/internal/toolstree"
)

func TestDigestFollowsNamesAndContentsOfTheFolders(t *testing.T) {
	digest := func(files map[string]string) string {
		tree := fstest.MapFS{}
		for name, text := range files {
			tree[name] = &fstest.MapFile{Data: []byte(text)}
		}
		d, err := toolstree.Digest(tree)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	sample := map[string]string{"README": "read me", "linux_amd64/init": "init", "linux_amd64/bin/go": "go"}
	first := digest(sample)
	with := func(name, text string) map[string]string {
		files := maps.Clone(sample)
		files[name] = text
		return files
	}
	renamed := with("linux_amd64/inix", "init")
	delete(renamed, "linux_amd64/init")
	for name, test := range map[string]struct {
		files map[string]string
		same  bool
	}{
		"equal":              {maps.Clone(sample), true},
		"beside the folders": {with("digest", "0123"), true},
		"changed":            {with("linux_amd64/init", "1nit"), false}, // of the same size
		"renamed":            {renamed, false},
		"more":               {with("linux_arm64/init", "init"), false},
	} {
		if got := digest(test.files); (got == first) != test.same {
			t.Errorf("%s: the digest is %s, that of the sample %s", name, got, first)
		}
	}
}
