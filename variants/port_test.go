package variants_test

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

func TestThePortThatTheAppSeemsToUseIsRefused(t *testing.T) {
	entrypoint := func(words ...string) func(*dockerspec.DockerOCIImageConfig) {
		return func(c *dockerspec.DockerOCIImageConfig) { c.Entrypoint, c.Cmd = words, nil }
	}
	env := func(entries ...string) func(*dockerspec.DockerOCIImageConfig) {
		return func(c *dockerspec.DockerOCIImageConfig) { c.Env = append(c.Env, entries...) }
	}
	health := func(test ...string) func(*dockerspec.DockerOCIImageConfig) {
		return func(c *dockerspec.DockerOCIImageConfig) { c.Healthcheck.Test = test }
	}
	for _, tc := range []struct {
		name string
		edit func(*dockerspec.DockerOCIImageConfig)
		want string // what is found, "" where the port is free
		free string // what is proposed, ":8001" by default
	}{
		{name: "PORT", edit: env("PORT=8000"), want: "ENV PORT=8000"},
		{name: "the next one taken, too", edit: env("PORT=8000", "METRICS_PORT=8001"), want: "ENV PORT=8000", free: ":8002"},
		{name: "a port of some kind", edit: env("APP_HTTP_PORT=8000"), want: "ENV APP_HTTP_PORT=8000"},
		{name: "PORT with a colon", edit: env("port=:8000"), want: "ENV port=:8000"},
		{name: "an address", edit: env("SERVER_ADDR=0.0.0.0:8000"), want: "ENV SERVER_ADDR=0.0.0.0:8000"},
		{name: "an address in IPv6", edit: env("LISTEN_ADDRESS=[::]:8000"), want: "ENV LISTEN_ADDRESS=[::]:8000"},
		{name: "an address with a scheme", edit: env("LISTEN=tcp://:8000"), want: "ENV LISTEN=tcp://:8000"},
		{name: "BIND", edit: env("BIND=localhost:8000"), want: "ENV BIND=localhost:8000"},
		{name: "another service's address", edit: env("REDIS_ADDR=redis:8000")},
		{name: "another port", edit: env("PORT=80000", "ADDR=:18000")},
		{name: "a number of another kind", edit: env("TIMEOUT=8000", "IMPORT=8000", "SUPPORT=:8000")},

		{name: "an option's value", edit: entrypoint("/server", "--port=8000"), want: "--port=8000 in ENTRYPOINT"},
		{name: "an option with a word of its own", edit: entrypoint("/server", "--http-port", "8000"), want: "--http-port 8000 in ENTRYPOINT"},
		{name: "a short option", edit: entrypoint("/server", "-p", "8000"), want: "-p 8000 in ENTRYPOINT"},
		{name: "an address as an argument", edit: entrypoint("/server", "-addr", ":8000"), want: "-addr :8000 in ENTRYPOINT"},
		{name: "an address of any option", edit: entrypoint("/server", "-http=127.0.0.1:8000"), want: "-http=127.0.0.1:8000 in ENTRYPOINT"},
		{name: "a bare address", edit: entrypoint("/server", "serve", ":8000"), want: ":8000 in ENTRYPOINT"},
		{name: "in CMD", edit: func(c *dockerspec.DockerOCIImageConfig) { c.Cmd = []string{"--port", "8000"} }, want: "--port 8000 in CMD"},
		{name: "in a script", edit: entrypoint("/bin/sh", "-c", "PORT=8000 exec /server"), want: "PORT=8000 in ENTRYPOINT"},
		{name: "an upstream", edit: entrypoint("/server", "--upstream=db:8000", "-limit", "8000", "--max=8000")},

		{name: "a health check", edit: health("CMD-SHELL", "curl -f http://localhost:8000/healthz || exit 1"), want: "a HEALTHCHECK that asks http://localhost:8000/healthz"},
		{name: "a health check without a scheme", edit: health("CMD", "/probe", "-addr", "127.0.0.1:8000"), want: "a HEALTHCHECK that asks 127.0.0.1:8000"},
		{name: "a health check of another port", edit: health("CMD", "wget", "http://localhost:80001/8000")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t, "remote")
			tc.edit(&in.Config.Config)
			want := ""
			if tc.want != "" {
				free := tc.free
				if free == "" {
					free = ":8001"
				}
				want = "the image has " + tc.want + ", and the debugger would listen there: choose another port, such as --listen=" + free +
					", or insist with --listen=:8000 if the app does not listen there"
			}
			if _, err := variants.New(in); (err == nil) != (want == "") || err != nil && err.Error() != want {
				t.Errorf("the refusal is %v, want %q", err, want)
			}
			in = input(t, "attach")
			tc.edit(&in.Config.Config)
			plan(t, in)

			in = input(t, "remote")
			tc.edit(&in.Config.Config)
			in.Request.Listen = ":8000"
			plan(t, in)
		})
	}
}

func TestAnExposedPortIsTheAppsWhoeverAsksForIt(t *testing.T) {
	in := input(t, "remote")
	in.Config.Config.ExposedPorts["8000/tcp"] = struct{}{}
	in.Request.Listen = ":8000"
	const want = "the image has EXPOSE 8000/tcp, and the debugger would listen there: choose another port, such as --listen=:8001"
	if _, err := variants.New(in); err == nil || err.Error() != want {
		t.Errorf("the refusal is %v, want %q", err, want)
	}
	in.Request.Listen = ":8001"
	if got := strings.Join(plan(t, in).Command, " "); !strings.Contains(got, "--listen=:8001") {
		t.Errorf("the image starts %s", got)
	}
}
