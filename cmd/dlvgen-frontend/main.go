// Command dlvgen-frontend is dlvgen as a BuildKit gateway frontend: what a
// Dockerfile's syntax line and BUILDKIT_SYNTAX name.
package main

import (
	"fmt"
	"os"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	"github.com/moby/buildkit/util/appcontext"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the codec that the gateway speaks
)

func main() {
	f := frontend.New(frontend.Config{Tools: frontend.ImageTools(), Version: version.Version()})
	if err := grpcclient.RunFromEnvironment(appcontext.Context(), f.Build); err != nil {
		fmt.Fprintf(os.Stderr, "dlvgen-frontend: %v\n", err)
		os.Exit(1)
	}
}
