package bench

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestEachBlobOfAllVariantsIsUploadedOnce(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	counter, err := countUploads(testenv.SharedRegistry(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := counter.close(); err != nil {
			t.Error(err)
		}
	}()
	on := parts{buildkit: testenv.SharedBuildKit(t), uploads: counter}
	p, err := newProgram("small", testenv.SmallService(t), "main.go", "time.Second", "time.Second /* %s */")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.edit(); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if code := cli.Run(proctest.Context(t), append(on.arguments(p, "all"), p.dir), strings.NewReader(""), io.Discard, &stderr); code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	sent := on.uploads.take()
	for digest, times := range sent.blobs {
		if times > 1 {
			t.Errorf("the blob %s was uploaded %d times", digest, times)
		}
	}
	// The program, Delve, init, symbols and sources; a plan and a config for each variant.
	if want := 5 + 2*4; len(sent.blobs) < want {
		t.Errorf("%d blobs were uploaded, want at least %d", len(sent.blobs), want)
	}
}
