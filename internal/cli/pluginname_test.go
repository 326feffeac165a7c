package cli

import "testing"

func TestTheNameAndTheCallerTellThatDlvgenIsAPlugin(t *testing.T) {
	for _, test := range []struct {
		args   []string
		docker string
		want   bool
	}{
		{[]string{"/home/me/.docker/cli-plugins/docker-dlvgen", "dlvgen", "build"}, "docker", true},
		{[]string{`C:\Program Files\Docker\cli-plugins\docker-dlvgen.exe`, "dlvgen"}, "docker", true},
		{[]string{`Docker-Dlvgen.EXE`, "dlvgen"}, "docker", true},
		{[]string{"docker-dlvgen", "docker-cli-plugin-metadata"}, "", true},
		{[]string{"docker-dlvgen", "build"}, "", false},
		{[]string{"docker-dlvgen"}, "", false},
		{[]string{"/usr/bin/dlvgen", "build"}, "docker", false},
		{[]string{"/docker-dlvgen/dlvgen", "docker-cli-plugin-metadata"}, "docker", false},
	} {
		if got := isPlugin(test.args, test.docker); got != test.want {
			t.Errorf("%q, called by %q: got %t", test.args, test.docker, got)
		}
	}
}
