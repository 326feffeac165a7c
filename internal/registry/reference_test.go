package registry

import (
	"strings"
	"testing"
)

func TestReferencesAreSpelledOutAsDockerDoes(t *testing.T) {
	for in, want := range map[string]struct{ whole, familiar, host, tag string }{
		"app":                       {"docker.io/library/app:latest", "app:latest", "docker.io", "latest"},
		"app:v1":                    {"docker.io/library/app:v1", "app:v1", "docker.io", "v1"},
		"app:V1.0_x":                {"docker.io/library/app:V1.0_x", "app:V1.0_x", "docker.io", "V1.0_x"},
		"team/app:v1":               {"docker.io/team/app:v1", "team/app:v1", "docker.io", "v1"},
		"index.docker.io/team/app":  {"docker.io/team/app:latest", "team/app:latest", "docker.io", "latest"},
		"localhost/app:v1":          {"localhost/app:v1", "localhost/app:v1", "localhost", "v1"},
		"localhost:5000/a/b/c:v1":   {"localhost:5000/a/b/c:v1", "localhost:5000/a/b/c:v1", "localhost:5000", "v1"},
		"registry.example/x/app:v1": {"registry.example/x/app:v1", "registry.example/x/app:v1", "registry.example", "v1"},
	} {
		ref, err := Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if ref.String() != want.whole || ref.Familiar() != want.familiar || ref.Host() != want.host || ref.Tag() != want.tag {
			t.Errorf("%s: %s, familiar %s, host %s, tag %s; want %+v", in, ref, ref.Familiar(), ref.Host(), ref.Tag(), want)
		}
		again, err := Parse(ref.String())
		if err != nil || again.String() != ref.String() {
			t.Errorf("%s: parsing %s again: %s, %v", in, ref, again, err)
		}
	}
}

func TestOneTagHasOneKeyHoweverItIsSpelled(t *testing.T) {
	key := func(in string) Key {
		t.Helper()
		ref, err := Parse(in)
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		return ref.Key()
	}
	for _, same := range [][]string{
		{"app", "app:latest", "library/app", "docker.io/app", "docker.io/library/app:latest", "index.docker.io/app", "Docker.IO/app",
			"docker.io:443/library/app", "docker.io:443/app", "registry-1.docker.io/library/app", "index.docker.io:443/app"},
		{"registry.example/app:v1", "REGISTRY.example/app:v1", "registry.example:443/app:v1", "Registry.Example:0443/app:v1", "registry.example:80/app:v1"},
		{"localhost/app", "localhost:80/app", "LOCALHOST:443/app"},
		{"localhost:5000/app", "127.0.0.1:5000/app:latest", "[::1]:5000/app", "127.0.0.2:5000/app"},
		{"registry.example:5000/app", "Registry.Example:5000/app", "registry.example:05000/app"},
		{"[::1]:5000/app", "[0:0::1]:5000/app", "[::0:1]:05000/app"},
	} {
		for _, spelling := range same {
			if got, want := key(spelling), key(same[0]); got != want {
				t.Errorf("%s has the key %+v, and %s has %+v", spelling, got, same[0], want)
			}
		}
	}
	different := map[Key]string{}
	for _, in := range []string{
		"app:v1", "app:V1", "team/app:v1", "registry.example/app:v1", "registry.example/library/app:v1", "registry.example:5000/app:v1",
		"registry.example:5001/app:v1", "registry.example:4430/app:v1", "other.example/app:v1", "localhost:5000/app:v1",
	} {
		if before, taken := different[key(in)]; taken {
			t.Errorf("%s and %s have one key", in, before)
		}
		different[key(in)] = in
	}
}

func TestReferencesStayAsTheyAreWritten(t *testing.T) {
	const written = "Registry.Example:443/app:v1"
	ref, err := Parse(written)
	if err != nil || ref.String() != written || ref.Familiar() != written || ref.Host() != "Registry.Example:443" {
		t.Errorf("got %s, familiar %s, host %s, %v", ref, ref.Familiar(), ref.Host(), err)
	}
}

func TestInvalidReferencesAreOneClearLine(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	for in, says := range map[string]string{
		"":                             "is empty",
		"App:V1":                       `write "app:V1"`,
		"Team/app:v1":                  `write "team/app:v1"`,
		"registry.example/Team/App:V1": `write "registry.example/team/app:V1"`,
		"localhost:5000/App":           `write "localhost:5000/app"`,
		"app" + digest:                 "has a digest",
		"app:v1" + digest:              "has a digest",
		"app:":                         "write [HOST[:PORT]/]NAME[:TAG]",
		"app v1":                       "write [HOST[:PORT]/]NAME[:TAG]",
		"https://registry.example/app": "write [HOST[:PORT]/]NAME[:TAG]",
		"registry.example./app":        "write [HOST[:PORT]/]NAME[:TAG]",
		"-app":                         "write [HOST[:PORT]/]NAME[:TAG]",
		strings.Repeat("0", 64):        "write [HOST[:PORT]/]NAME[:TAG]",
	} {
		ref, err := Parse(in)
		if err == nil {
			t.Errorf("%q: parsed to %s", in, ref)
			continue
		}
		if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", in, err, says)
		}
	}
}

func TestOtherTagsOfARepository(t *testing.T) {
	ref, err := Parse("localhost:5000/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	debug, err := ref.WithTag("v1-debug")
	if err != nil || debug.String() != "localhost:5000/app:v1-debug" {
		t.Errorf("got %s, %v", debug, err)
	}
	for _, tag := range []string{"", "-x", "a b", strings.Repeat("a", 129)} {
		if other, err := ref.WithTag(tag); err == nil {
			t.Errorf("tag %q: %s", tag, other)
		}
	}
}

func TestPlainHTTPIsForTheLoopbackInterface(t *testing.T) {
	for host, want := range map[string]string{
		"localhost": "http", "localhost:5000": "http", "127.0.0.1:5000": "http", "127.8.8.8": "http",
		"[::1]:5000": "http", "registry.localhost:80": "http",
		"registry.example": "https", "localhost.example:5000": "https", "docker.io": "https",
	} {
		ref := Reference{host: host, path: "app", tag: "v1"}
		repo, err := ref.repository(false)
		if err != nil || repo.Scheme() != want {
			t.Errorf("%s: %s, %v, want %s", host, repo.Scheme(), err, want)
		}
		if repo, err = ref.repository(true); err != nil || repo.Scheme() != "http" {
			t.Errorf("%s, insecure: %s, %v", host, repo.Scheme(), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"app", "app:v1", "App:V1", "localhost:5000/a/b:c", "[::1]:5000/app", "a@sha256:0", "é/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		ref, err := Parse(in)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: more than one line: %q", in, err)
			}
			return
		}
		for _, form := range []string{ref.String(), ref.Familiar()} {
			if again, err := Parse(form); err != nil || again.String() != ref.String() || again.Key() != ref.Key() {
				t.Errorf("%q: %s parsed again: %s, %v", in, form, again, err)
			}
		}
		if _, err := ref.repository(false); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	})
}
