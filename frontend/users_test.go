package frontend_test

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// usersDockerfile compiles two programs in one step, each as another user. ONE and TWO
// are the users, whose umask lets nobody else see what they make.
const usersDockerfile = `
-- Dockerfile --
FROM golang:1.26 AS build
RUN useradd --create-home app && mkdir /out && chmod 0777 /out
WORKDIR /src
COPY . .
ENV CGO_ENABLED=0
RUN umask 077; \
    setpriv --reuid=ONE --regid=ONE --clear-groups env HOME=/tmp/ONE go build -buildvcs=false -o /out/one ./one && \
    setpriv --reuid=TWO --regid=TWO --clear-groups env HOME=/tmp/TWO go build -buildvcs=false -o /out/two ./two

FROM scratch
COPY --from=build /out/PROGRAM /PROGRAM
ENTRYPOINT ["/PROGRAM"]
-- go.mod --
module example.com/users

go 1.26
-- one/main.go --
package main

func main() { println("one") }
-- two/main.go --
package main

import "example.com/users/shared"

func main() { println(shared.Name) }
-- shared/shared.go --
package shared

const Name = "two"
`

func TestTwoUsersOfAStepHaveRecordsOfTheirOwn(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	for _, order := range []struct{ name, one, two string }{{"root first", "0", "1000"}, {"root last", "1000", "0"}} {
		for _, program := range []string{"one", "two"} {
			t.Run(order.name+", "+program, func(t *testing.T) {
				ctx := deadline(t)
				image := "users/" + strings.ReplaceAll(order.name, " ", "-") + "-" + program + ":v1-debug-src"
				dockerfile := strings.NewReplacer("ONE", order.one, "TWO", order.two, "PROGRAM", program).Replace(usersDockerfile)
				mustDerive(ctx, t, bk, derivation{service: writeService(t, dockerfile), options: variant("remote-src"), push: reg.Ref(image)})
				files := treeOf(ctx, t, reg, image)
				want := map[string]string{
					"/src": "0755 0:0", "/src/go.mod": "0644 0:0", "/src/one": "0755 0:0", "/src/one/main.go": "0644 0:0",
					"/src/two/main.go": "0644 0:0", "/src/shared/shared.go": "0644 0:0",
				}
				for name, owner := range want {
					if f, ok := files[name]; !ok || f.owner() != owner {
						t.Errorf("%s is %s, want %s", name, f.owner(), owner)
					}
				}
			})
		}
	}
}
