package sidecar

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// mapping is where the first text of a program's file is.
type mapping struct{ start, end, offset uint64 }

// textOf looks the text up as the kernel has it.
func textOf(t *testing.T, pid int) mapping {
	t.Helper()
	path, err := os.Readlink(file(pid))
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var m mapping
		var flags string
		if _, err := fmt.Sscanf(line, "%x-%x %s %x", &m.start, &m.end, &flags, &m.offset); err != nil {
			t.Fatal(err)
		}
		if flags == "r-xp" && strings.HasSuffix(strings.TrimSpace(line), " "+path) {
			return m
		}
	}
	t.Fatalf("%s has no text in\n%s", path, maps)
	return mapping{}
}

// TestTextIsWrittenBack changes the text of a program that is loaded where its file says, and of
// one that is loaded anywhere.
func TestTextIsWrittenBack(t *testing.T) {
	t.Parallel()
	sleep := exec.Command("sleep", "1h")
	running := start(t, sleep, syscall.SIGKILL)
	await(t, func() bool {
		exe, err := os.Readlink(file(running.pid()))
		return err == nil && strings.HasSuffix(exe, "/sleep")
	}, "sleep to begin")
	for name, pid := range map[string]int{"ours": program(t, programs.production).pid(), "sleep": running.pid()} {
		m := textOf(t, pid)
		memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, m.end-m.start)
		read := func() []byte {
			if _, err := memory.ReadAt(text, int64(m.start)); err != nil {
				t.Fatal(err)
			}
			return bytes.Clone(text)
		}
		before := read()
		stop := breakpoint()
		last := bytes.LastIndexFunc(before, func(r rune) bool { return r != 0 && r != 0xcc })
		for at, n := last&^3, 0; n < 3; at -= 4 { // which no program executes
			if bytes.Equal(before[at:at+len(stop)], stop) {
				continue
			}
			if _, err := memory.WriteAt(stop, int64(m.start)+int64(at)); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if bytes.Equal(read(), before) {
			t.Fatalf("%s: the text was not changed", name)
		}
		if err := restoreText(pid); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(read(), before) {
			t.Errorf("%s: the text is not as before", name)
		}
		_ = memory.Close()
	}
	if err := restoreText(-1); err == nil {
		t.Error("no process has a text")
	}
}
