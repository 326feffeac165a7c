package delve_test

import (
	"fmt"
	"go/version"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants/delve"
)

func TestForTakesTheNewestThatAnnouncesTheGo(t *testing.T) {
	for goVersion, want := range map[string]string{
		"go1.16": "1.8.3", "go1.18.10": "1.8.3",
		"go1.19": "1.22.1", "go1.21.13": "1.22.1",
		"go1.22.1": "1.25.2", "go1.24.13": "1.25.2", "go1.24rc2": "1.25.2",
		"go1.25.0": "1.27.2", "go1.26.8": "1.27.2", "go1.27rc1": "1.27.2",
		"go1.20.5 X:boringcrypto": "1.22.1", "go1.21.3-fips": "1.22.1",
		"devel go1.20-abcdef": "1.27.2", "devel +abcdef Mon": "1.27.2", "go1.29-devel_abcdef": "1.27.2",
	} {
		if got, err := delve.For(goVersion); got != want || err != nil {
			t.Errorf("For(%q) = %q, %v, want %q", goVersion, got, err, want)
		}
	}
}

func TestEveryGoOfTheRangeHasADelve(t *testing.T) {
	for minor := 16; minor <= 27; minor++ {
		if got, err := delve.For(fmt.Sprintf("go1.%d.1", minor)); err != nil || !slices.Contains(delve.Versions(), got) {
			t.Errorf("For(go1.%d.1) = %q, %v, want one of %v", minor, got, err, delve.Versions())
		}
	}
}

func TestVersionsAreListedNewestFirst(t *testing.T) {
	list := delve.Versions()
	if list[0] != delve.Newest {
		t.Errorf("the first of %v is not the newest, %s", list, delve.Newest)
	}
	if !slices.IsSortedFunc(list, func(a, b string) int { return version.Compare("go"+b, "go"+a) }) {
		t.Errorf("%v is not sorted", list)
	}
}

func TestGoOutsideOfEveryRangeIsAnErrorWithBothVersions(t *testing.T) {
	for goVersion, remedy := range map[string]string{
		"go1.15.15": "build with go1.16 or newer",
		"go1.28.1":  "build with go1.27 or older, or take a newer dlvgen",
	} {
		_, err := delve.For(goVersion)
		if err == nil {
			t.Errorf("For(%q) is no error", goVersion)
			continue
		}
		for _, want := range []string{goVersion, "Delve 1.8.3: go1.16 to go1.18", "Delve 1.27.2: go1.25 to go1.27", remedy} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("For(%q): %v; it does not say %q", goVersion, err, want)
			}
		}
		if _, again := delve.Choose(goVersion, delve.Newest); again == nil || again.Error() != err.Error() {
			t.Errorf("Choose(%q, %q): %v, want For's error", goVersion, delve.Newest, again)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct{ goVersion, asked, want, failure string }{
		{goVersion: "go1.21.13", asked: "", want: "1.22.1"},
		{goVersion: "go1.21.13", asked: "1.22.1", want: "1.22.1"},
		{goVersion: "go1.16.15", asked: "1.27.2", want: "1.27.2"},
		{goVersion: "go1.22.1", asked: "1.22.1", want: "1.22.1"},
		{goVersion: "devel go1.20-abcdef", asked: "1.8.3", want: "1.8.3"},
		{goVersion: "go1.25.3", asked: "1.22.1", failure: "--delve is 1.22.1, which debugs programs of go1.19 to go1.22 and not of go1.25.3: omit --delve for 1.27.2, or use a newer one"},
		{goVersion: "go1.26.8", asked: "1.24.2", failure: `--delve is "1.24.2", which dlvgen does not ship: use 1.25.2, 1.22.1, 1.27.2 or 1.8.3, or omit --delve for 1.27.2`},
		{goVersion: "go1.18.1", asked: "latest", failure: `--delve is "latest", which dlvgen does not ship: use 1.27.2, 1.25.2, 1.22.1 or 1.8.3, or omit --delve for 1.8.3`},
		{goVersion: "go1.18.1", asked: "v1.9", failure: "use 1.8.3, 1.22.1, 1.25.2 or 1.27.2"},
	} {
		got, err := delve.Choose(c.goVersion, c.asked)
		if got != c.want || (err == nil) != (c.failure == "") || err != nil && !strings.Contains(err.Error(), c.failure) {
			t.Errorf("Choose(%q, %q) = %q, %v, want %q, %q", c.goVersion, c.asked, got, err, c.want, c.failure)
		}
	}
}

func TestArchitecturesWithoutADelveOfThatVersion(t *testing.T) {
	for _, c := range []struct{ delve, goVersion, arch, failure string }{
		{"1.8.3", "go1.17.13", "arm64", ""},
		{"1.22.1", "go1.21.13", "386", ""},
		{"1.8.3", "go1.17.13", "ppc64le", "no Delve for programs of go1.17.13 on ppc64le, since Delve 1.8.3 does not run there: build with a newer Go, or try --delve 1.22.1"},
		{"1.22.1", "go1.22.3", "riscv64", "try --delve 1.25.2"},
		{"1.27.2", "go1.26.8", "s390x", "no Delve for s390x: it debugs programs for 386, amd64, arm64, loong64, ppc64le and riscv64"},
	} {
		err := delve.CheckArch(c.delve, c.goVersion, c.arch)
		if (err == nil) != (c.failure == "") || err != nil && !strings.Contains(err.Error(), c.failure) {
			t.Errorf("CheckArch(%q, %q, %q): %v, want %q", c.delve, c.goVersion, c.arch, err, c.failure)
		}
	}
}

func TestEveryVersionExistsForTheReleasedPlatforms(t *testing.T) {
	for _, arch := range delve.Archs() {
		for _, v := range delve.Versions() {
			if delve.Ships("linux", arch) && !delve.Exists(v, arch) {
				t.Errorf("Delve %s does not exist for linux/%s, which is released", v, arch)
			}
		}
	}
}

func TestTheNewestGoOfADelve(t *testing.T) {
	for version, want := range map[string]string{"1.27.2": "go1.27", "1.20.0": "go1.20", "1.9.1": "go1.19", "1.8.3": "go1.18", "1.24": "go1.24", "2.0.0": "", "latest": "", "": ""} {
		if got := delve.NewestGo(version); got != want {
			t.Errorf("%q: %q, want %q", version, got, want)
		}
	}
	for _, version := range delve.Versions() {
		if newest := delve.NewestGo(version); !delve.Debugs(version, newest) || delve.Debugs(version, "go1.99") {
			t.Errorf("Delve %s: %s", version, newest)
		}
	}
	if !delve.Older("1.26.3", "1.27.0") || delve.Older("1.27.0", "1.27.2") || delve.Older("latest", "1.27.2") {
		t.Error("Older goes by the minor version")
	}
}
