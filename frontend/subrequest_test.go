//go:build !race

// Several platforms: see breakpoint_test.go for why.

package frontend

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dlvgen/dlvgen/internal/derive/gatewaytest"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// askedDockerfile has a warning, arguments and two stages.
const askedDockerfile = `# check=skip=none
ARG GO=1.26
FROM golang:${GO} as build
ARG TAGS=none
WORKDIR /src
COPY . .
RUN go build -tags $TAGS -o /server .

FROM scratch AS final
COPY --from=build /server /server
ENTRYPOINT ["/server"]
`

// ask has dlvgen answer a question about askedDockerfile, and a program that nothing compiles
// for the target "none".
func ask(t *testing.T, build client.BuildFunc, question string, opts map[string]string) map[string][]byte {
	t.Helper()
	all := map[string]string{"requestid": question, "frontend.caps": "moby.buildkit.frontend.subrequests"}
	for name, value := range opts {
		all[name] = value
	}
	c := &gatewaytest.Client{T: t, Opts: all,
		Context: fstest.MapFS{"Dockerfile": {Data: []byte(askedDockerfile)}},
		Images: map[string]ocispecs.ImageConfig{"golang:1.26": {
			Env: []string{"PATH=/usr/local/go/bin:/usr/bin:/bin", "GOLANG_VERSION=1.26.8", "GOTOOLCHAIN=local"},
		}},
	}
	res, err := build(t.Context(), c)
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	res.Metadata["result.json"] = unnamed(t, res.Metadata["result.json"])
	return res.Metadata
}

// unnamed is an answer without the random name that the transfer of a Dockerfile has.
func unnamed(t *testing.T, answer []byte) []byte {
	t.Helper()
	var object map[string]any
	if json.Unmarshal(answer, &object) != nil {
		return answer // a list
	}
	sources, _ := object["sources"].([]any)
	for _, s := range sources {
		if source, ok := s.(map[string]any); ok {
			delete(source, "definition")
		}
	}
	dt, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return dt
}

func asked() *Frontend {
	tools := func(context.Context, client.Client) (llbgen.Tools, error) {
		return llbgen.ToolsIn(llb.Local("tools"), "/"), nil
	}
	return New(Config{Tools: tools, Version: "test"})
}

// TestSubrequestsAreAnsweredAsBuildKitsFrontendDoes asks both, also with options of a debug
// variant.
func TestSubrequestsAreAnsweredAsBuildKitsFrontendDoes(t *testing.T) {
	for question, part := range map[string]string{"frontend.outline": `"TAGS"`, "frontend.targets": `"final"`, "frontend.lint": `FromAsCasing`} {
		want := ask(t, builder.Build, question, nil)
		if !strings.Contains(string(want["result.json"]), part) || len(want["version"]) == 0 {
			t.Fatalf("%s is answered with %s", question, want["result.json"])
		}
		for _, opts := range []map[string]string{nil, {"build-arg:DLVGEN_VARIANT": "remote"}} {
			if diff := cmp.Diff(want, ask(t, asked().Build, question, opts)); diff != "" {
				t.Errorf("%s with %v (-BuildKit +dlvgen):\n%s", question, opts, diff)
			}
		}
	}
}

func TestTheListOfSubrequestsHasOursToo(t *testing.T) {
	of := func(build client.BuildFunc) (answer map[string][]byte, list []subrequests.Request) {
		answer = ask(t, build, subrequests.RequestSubrequestsDescribe, nil)
		if err := json.Unmarshal(answer["result.json"], &list); err != nil {
			t.Fatal(err)
		}
		return answer, list
	}
	_, want := of(builder.Build)
	answer, got := of(asked().Build)
	if diff := cmp.Diff(append(want, VariantsRequest), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(string(answer["result.txt"]), "dlvgen.variants") || string(answer["version"]) != subrequests.SubrequestsDescribeDefinition.Version {
		t.Errorf("the list is\n%s", answer["result.txt"])
	}
}

func TestVariantsAreExplainedBySubrequest(t *testing.T) {
	list := func(opts map[string]string) (string, VariantList) {
		t.Helper()
		answer := ask(t, asked().Build, VariantsRequest.Name, opts)
		var l VariantList
		if err := json.Unmarshal(answer["result.json"], &l); err != nil || string(answer["version"]) != VariantsRequest.Version {
			t.Fatalf("%v: %s", err, answer)
		}
		return string(answer["result.txt"]), l
	}
	text, all := list(map[string]string{"attest:sbom": ""})
	var names []string
	for _, v := range all.Variants {
		names = append(names, v.Name+" "+v.Suffix)
		if len(v.Images) != 1 || v.Images[0].Program != "/server" || v.Images[0].Go != "go1.26.8" || v.Images[0].Refusal != "" || v.Images[0].Variant != v.Name {
			t.Errorf("%s: %+v", v.Name, v.Images)
		}
	}
	if diff := cmp.Diff([]string{"remote -debug", "remote-src -debug-src", "attach -debug-attach", "sidecar -debug-sidecar"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := strings.Count(text, "program  /server\n"); n != 4 {
		t.Errorf("%d pages name the program:\n%s", n, text)
	}

	text, one := list(map[string]string{"target": "build", "cmdline": "dlvgen/dlvgen:1 --variant=attach --preset=mine"})
	if len(one.Variants) != 1 || one.Variants[0].Name != "attach" || one.Variants[0].Images[0].Variant != "mine" {
		t.Fatalf("%+v", one)
	}
	if refusal := one.Variants[0].Images[0].Refusal; refusal == "" || !strings.HasSuffix(text, "\nrefused: "+refusal+"\n") {
		t.Errorf("the refusal is %q, and the text\n%s", refusal, text)
	}
	both, matrix := list(map[string]string{"platform": "linux/amd64,linux/arm64", "build-arg:DLVGEN_VARIANT": "remote"})
	if len(matrix.Variants[0].Images) != 2 || !strings.Contains(both, "remote, linux/arm64: can be derived") {
		t.Errorf("%s", both)
	}
}
