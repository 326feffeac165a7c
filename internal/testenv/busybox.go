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

// standInAdduser and standInAddgroup are busybox's own, which Debian's lacks: as much of
// them as Dockerfiles use. Without -G a user gets a group of its name.
var (
	standInAdduser = entry{name: "sbin/adduser", mode: 0o755, text: []byte(`#!/bin/sh
set -e
home= shell=/bin/sh comment= group= uid= from=1000 make=y
while getopts h:g:s:G:u:k:DHS option; do
	case $option in
	h) home=$OPTARG ;;
	g) comment=$OPTARG ;;
	s) shell=$OPTARG ;;
	G) group=$OPTARG ;;
	u) uid=$OPTARG ;;
	H) make= ;;
	S) from=100 shell=/sbin/nologin ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -eq 2 ]; then
	grep -q "^$2:" /etc/group || { echo "adduser: unknown group $2" >&2; exit 1; }
	sed -i "/^$2:/{s/[^:]\$/&,/;s/\$/$1/}" /etc/group
	exit
fi
! grep -q "^$1:" /etc/passwd || { echo "adduser: user '$1' in use" >&2; exit 1; }
while [ -z "$uid" ]; do
	cut -d: -f3 /etc/passwd /etc/group | grep -qx $from || uid=$from
	from=$((from + 1))
done
[ -n "$group" ] || { group=$1; grep -q "^$1:" /etc/group || addgroup -g "$uid" "$1"; }
gid=$(sed -n "s/^$group:[^:]*:\([0-9]*\):.*/\1/p" /etc/group)
[ -n "$gid" ] || { echo "adduser: unknown group $group" >&2; exit 1; }
home=${home:-/home/$1}
echo "$1:x:$uid:$gid:$comment:$home:$shell" >>/etc/passwd
[ -z "$make" ] || { mkdir -p "$home" && chown "$uid:$gid" "$home"; }
`)}
	standInAddgroup = entry{name: "sbin/addgroup", mode: 0o755, text: []byte(`#!/bin/sh
set -e
gid= from=1000
while getopts g:S option; do
	case $option in
	g) gid=$OPTARG ;;
	S) from=100 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ne 2 ] || exec adduser "$1" "$2"
! grep -q "^$1:" /etc/group || { echo "addgroup: group '$1' in use" >&2; exit 1; }
while [ -z "$gid" ]; do
	cut -d: -f3 /etc/group | grep -qx $from || gid=$from
	from=$((from + 1))
done
echo "$1:x:$gid:" >>/etc/group
`)}
)

const (
	passwdRoot    = "root:x:0:0:root:/root:/bin/sh\n"
	passwdNobody  = "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
	passwdNonroot = "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
)

// alpineLayer is a root of the machine's static busybox with the stand-ins.
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
		standInApk, standInAdduser, standInAddgroup,
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
