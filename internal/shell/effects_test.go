package shell

import (
	"fmt"
	"testing"
)

func TestLooksAtSize(t *testing.T) {
	for script, want := range map[string]bool{
		`test "$(stat -c %s /server)" -lt 2000`:                         true,
		`[ $(wc -c </server) -lt 2000 ]`:                                true,
		`if [ "$(du -k /server | cut -f1)" -gt 9000 ]; then exit 1; fi`: true,
		`find / -name server -size +9M | grep . && exit 1`:              true,
		`ls -l /server | awk '{ exit $5 > 9000 }'`:                      true,
		`test -s /server && /server --version`:                          false,
		`wc -l main.go && ls /`:                                         false,
		`go build -o /server .`:                                         false,
	} {
		if got := Read([]string{"/bin/sh", "-c", script}).LooksAtSize(); got != want {
			t.Errorf("%s: %t, want %t", script, got, want)
		}
	}
}

func TestRemovesPackages(t *testing.T) {
	for script, want := range map[string]bool{
		"make && apt-get purge -y golang-go && apt-get clean": true,
		"go build . && apt-get -y --purge autoremove":         true,
		"go build . && apk del .build-deps":                   true,
		"dnf -y remove golang":                                true,
		"apt-get update && apt-get install -y golang":         false,
		"rm -rf /usr/lib/go":                                  false,
		"./remove.sh remove":                                  false,
	} {
		if got := Read([]string{"/bin/sh", "-c", script}).RemovesPackages(); got != want {
			t.Errorf("%s: %t, want %t", script, got, want)
		}
	}
}

func TestTheExecFormRemovesPackagesToo(t *testing.T) {
	if !Read([]string{"/sbin/apk", "del", "go"}).RemovesPackages() {
		t.Error("apk del is taken to remove nothing")
	}
}

func TestCopies(t *testing.T) {
	for script, want := range map[string]string{
		"cp a /b":                                 "[{[/src/a] /b}]",
		"cd out && mv ./a ../b c":                 "[{[/src/out/a /src/b] /src/out/c}]",
		"install -m 0755 -o app a /usr/bin/":      "[{[/src/a] /usr/bin}]",
		"cd $DIR && cp a /b && mv /c d":           "[{[] /b}]",
		"cp *.so lib":                             "[{[] /src/lib}]",
		"upx -9 -o small big && strip /other":     "[{[/src/big] /src/small}]",
		"sudo ln -s $A /b; cp a; go build -o a .": "[]",
	} {
		if got := fmt.Sprint(ReadText(script).Copies("/src")); got != want {
			t.Errorf("%s: %s, want %s", script, got, want)
		}
	}
}

func TestMayRemove(t *testing.T) {
	for script, want := range map[string]bool{
		"go build . && rm -rf /usr/local/go": true,
		"sudo rm x":                          true,
		"go build .":                         false,
	} {
		if got := Read([]string{"/bin/sh", "-c", script}).MayRemove(); got != want {
			t.Errorf("%s: %t, want %t", script, got, want)
		}
	}
}
