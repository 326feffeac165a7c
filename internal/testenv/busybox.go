package testenv

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// standInApk succeeds and does nothing: what Dockerfiles install with apk is in
// the base images already.
var standInApk = entry{name: "sbin/apk", mode: 0o755, text: []byte("#!/bin/sh\nexit 0\n")}

const (
	passwdRoot    = "root:x:0:0:root:/root:/bin/sh\n"
	passwdNobody  = "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
	passwdNonroot = "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
)

// alpineLayer is a root of the machine's static busybox with the stand-in apk.
func (s store) alpineLayer(ctx context.Context) (layer, error) {
	file, err := exec.LookPath("busybox")
	if err != nil {
		return layer{}, fmt.Errorf("making the alpine image: %w; install busybox-static", err)
	}
	busybox, err := os.ReadFile(file)
	if err != nil {
		return layer{}, fmt.Errorf("making the alpine image: %w", err)
	}
	if dynamic(busybox) {
		return layer{}, fmt.Errorf("making the alpine image: %s is linked dynamically; install busybox-static", file)
	}
	applets, err := output(ctx, "/", nil, file, "--list")
	if err != nil {
		return layer{}, fmt.Errorf("making the alpine image: %w", err)
	}
	entries := []entry{
		{name: "bin", mode: fs.ModeDir | 0o755},
		{name: "bin/busybox", mode: 0o755, text: busybox},
		{name: "sbin", mode: fs.ModeDir | 0o755},
		standInApk,
		{name: "etc/passwd", mode: 0o644, text: []byte(passwdRoot + passwdNobody)},
		{name: "etc/group", mode: 0o644, text: []byte("root:x:0:\nnobody:x:65534:\n")},
		{name: "etc/os-release", mode: 0o644, text: []byte("ID=alpine\nNAME=\"stand-in for Alpine Linux\"\n")},
		{name: "root", mode: fs.ModeDir | 0o700},
		{name: "tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
	}
	for applet := range strings.FieldsSeq(applets) {
		if applet != "busybox" {
			entries = append(entries, entry{name: "bin/" + applet, link: "/bin/busybox"})
		}
	}
	return s.entries(entries)
}

// dynamic says whether a program asks for a dynamic loader.
func dynamic(program []byte) bool {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return false
	}
	for _, prog := range f.Progs {
		if prog.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
}

// distrolessEntries is what gcr.io/distroless/static holds, without the time zones.
func distrolessEntries(certificates []byte) []entry {
	return []entry{
		{name: "etc/passwd", mode: 0o644, text: []byte(passwdRoot + passwdNobody + passwdNonroot)},
		{name: "etc/group", mode: 0o644, text: []byte("root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n")},
		{name: "etc/nsswitch.conf", mode: 0o644, text: []byte("hosts: files dns\n")},
		{name: "etc/os-release", mode: 0o644, text: []byte("ID=debian\nNAME=\"stand-in for Distroless\"\n")},
		{name: "etc/ssl/certs", mode: fs.ModeDir | 0o755},
		{name: certificatesPath, mode: 0o644, text: certificates},
		{name: "home/nonroot", mode: fs.ModeDir | 0o700, uid: 65532},
		{name: "root", mode: fs.ModeDir | 0o700},
		{name: "tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
	}
}

func distrolessConfig(user, dir string) v1.Config {
	return v1.Config{User: user, WorkingDir: dir, Env: []string{"PATH=" + systemPath, "SSL_CERT_FILE=/" + certificatesPath}}
}
