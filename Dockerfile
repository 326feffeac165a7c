ARG GO_VERSION=1.26

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS source
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ENV CGO_ENABLED=0

# The tools of every platform, and packed as the program carries them.
FROM source AS toolstree
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go run ./internal/cmd/toolstree -o /out/tree -pack /out/packed

FROM scratch AS tools
COPY --from=toolstree /out /

# What a layer of the frontend image holds, without a moment of its own: of a new
# image only the layers that changed are pulled. An image has the tools of its platform
# alone: a build for another one takes them from the image of that platform.
FROM toolstree AS layers
ARG TARGETOS TARGETARCH
WORKDIR /out/tree/${TARGETOS}_${TARGETARCH}
RUN tools="$PWD" && mkdir -p /layers/own && for delve in delve/*; do \
        version="/layers/${delve##*/}/${tools##*/}" && mkdir -p "$version/delve" && mv "$delve" "$version/delve/" || exit 1; \
    done && \
    rmdir delve && cd / && mv "$tools" /layers/own/ && find /layers -exec touch -d @0 {} +

FROM source AS frontend-build
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/dlvgen-frontend ./cmd/dlvgen-frontend

# In one step, so that one file has the checksums of all.
FROM source AS binaries-build
COPY --from=toolstree /out/packed internal/tools/packed
ARG PLATFORMS="linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64"
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    ./hack/binaries /out $PLATFORMS

FROM scratch AS binaries
COPY --from=binaries-build /out /

# go vet, formats and golangci-lint. Its only output is whether it passed.
FROM source AS validate
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache \
    make lint

# The tests that need neither root nor daemons; `make test` on a machine runs all.
FROM source AS test
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache \
    CGO_ENABLED=1 go test -race ./...

FROM scratch AS frontend
LABEL moby.buildkit.frontend.network.none="true"
LABEL moby.buildkit.frontend.caps="moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts,moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts.zstd"
LABEL org.opencontainers.image.licenses="Apache-2.0"
COPY --from=layers /layers/1.8.3 /tools
COPY --from=layers /layers/1.22.1 /tools
COPY --from=layers /layers/1.25.2 /tools
COPY --from=layers /layers/1.27.2 /tools
COPY --from=layers /layers/own /tools
COPY --from=frontend-build /out/dlvgen-frontend /dlvgen-frontend
ENTRYPOINT ["/dlvgen-frontend"]
