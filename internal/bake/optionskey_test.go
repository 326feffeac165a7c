package bake

import "testing"

// TestOptionsThatMakeTheSameImageHaveOneName compares with a call that has no options.
func TestOptionsThatMakeTheSameImageHaveOneName(t *testing.T) {
	name := func(p Published, o Options, env map[string]string) string {
		t.Helper()
		p.Ref = "app:v1"
		o.Push = true
		r, err := derivationOf(t, p, o, env)
		if err != nil {
			t.Fatal(err)
		}
		return r.images[0].options
	}
	plain := name(Published{}, Options{}, nil)
	for what, same := range map[string]string{
		"another module proxy":              name(Published{}, Options{}, map[string]string{"GOPROXY": "https://proxy.example", "GOPRIVATE": "a.example"}),
		"a module proxy with a password":    name(Published{}, Options{}, map[string]string{"GOPROXY": "https://a:b@proxy.example"}),
		"a proxy":                           name(Published{}, Options{BuildArgs: []string{"http_proxy=http://10.0.0.1"}}, nil),
		"no cache":                          name(Published{}, Options{NoCache: true, Pull: true, AddHosts: []string{"a:10.0.0.1"}}, nil),
		"another place":                     name(Published{}, Options{Tags: []string{"b.example/app:v2"}, Insecure: []string{"b.example"}, Addr: "tcp://a"}, nil),
		"another output":                    name(Published{}, Options{Outputs: []string{"type=oci,dest=x"}}, nil),
		"a cache that is read and one more": name(Published{}, Options{CacheFrom: []string{"b.example/cache"}, CacheTo: []string{"type=inline"}}, nil),
	} {
		if same != plain {
			t.Errorf("%s has a name of its own", what)
		}
	}
	names := map[string]string{plain: "no options"}
	for what, other := range map[string]string{
		"a label":           name(Published{}, Options{Labels: []string{"a=b"}}, nil),
		"a build argument":  name(Published{}, Options{BuildArgs: []string{"GOFLAGS=-tags=a"}}, nil),
		"a platform":        name(Published{}, Options{Platforms: []string{"linux/arm64"}}, nil),
		"a compression":     name(Published{}, Options{Outputs: []string{"type=registry,compression=zstd"}}, nil),
		"an annotation":     name(Published{}, Options{Annotations: []string{"a=b"}}, nil),
		"a secret":          name(Published{}, Options{Secrets: []string{"id=netrc,env=HOME"}}, nil),
		"a repository":      name(Published{Source: "git+https://git.example/app"}, Options{}, nil),
		"a mismatch":        name(Published{AllowMismatch: true}, Options{}, nil),
		"tools":             name(Published{}, Options{FrontendImage: "f.example/dlvgen"}, nil),
		"a named context":   name(Published{}, Options{Contexts: []string{"golang=docker-image://g.example/golang"}}, nil),
		"SOURCE_DATE_EPOCH": name(Published{}, Options{}, map[string]string{"SOURCE_DATE_EPOCH": "1"}),
	} {
		if before, taken := names[other]; taken {
			t.Errorf("%s has the name of %s", what, before)
		}
		names[other] = what
	}
	if name(Published{Source: "git+https://a:b@git.example/app"}, Options{}, nil) != name(Published{Source: "git+https://c:d@git.example/app"}, Options{}, nil) {
		t.Error("a password is part of the name")
	}
}
