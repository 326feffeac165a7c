package record

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

func TestWhatChangesDuringTheBuildIsNotTakenFromBefore(t *testing.T) {
	dir, capture := t.TempDir(), t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	kept, changed, replaced, gone := write("kept.go", "old"), write("changed.go", "old"), write("replaced.go", "old"), write("gone.go", "old")
	time.Sleep(2 * settled)
	fresh := write("fresh.go", "old")
	written, err := os.Stat(fresh)
	if err != nil {
		t.Fatal(err)
	}

	table := "" // everything lies on the root's mount
	if err := mounts.Each("/proc/self/mountinfo", func(m mounts.Mount) { table += m.ID + " 0 0:0 / /\n" }); err != nil {
		t.Fatal(err)
	}
	write("mountinfo", table)
	from, err := originsOf(step.Step{Capture: capture, Mountinfo: filepath.Join(dir, "mountinfo")})
	if err != nil {
		t.Fatal(err)
	}
	r := &Recording{
		build: Build{Step: step.Step{Capture: capture}}, from: from, stop: make(chan struct{}),
		now: func() time.Time { return changedAt(written).Add(settled / 2) },
	}
	var sources []source
	for _, file := range []string{kept, changed, replaced, gone, fresh} {
		sources = append(sources, source{path: file, content: file})
	}
	r.copyAll(sources)
	if len(r.copies) != 4 {
		t.Errorf("%d files were copied ahead, want all but the one that was just written", len(r.copies))
	}

	before, err := os.Stat(changed)
	if err != nil {
		t.Fatal(err)
	}
	write("changed.go", "new")
	for _, err := range []error{
		os.Chtimes(changed, before.ModTime(), before.ModTime()), // the times do not hide it
		os.Rename(write("other.go", "new"), replaced),
		os.Remove(gone),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	target := filepath.Join(capture, "target.go")
	for _, file := range []string{changed, replaced, gone, fresh} {
		if r.place(target, file) {
			t.Errorf("%s is placed as it was", file)
		}
	}
	if !r.place(target, kept) {
		t.Error("a file that did not change is not placed")
	}
	info, err := os.Stat(target)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(target); string(text) != "old" || info.Mode() != fileMode || !info.ModTime().Equal(epoch) {
		t.Errorf("what was placed is %q, %v, %v, %v", text, err, info.Mode(), info.ModTime())
	}
	if err := r.discard(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(capture); err != nil || len(entries) != 1 {
		t.Errorf("in the capture are %v, %v", entries, err)
	}
}
