#!/bin/sh
set -eu
export CGO_ENABLED=0 GOFLAGS="-trimpath"
out="${1:?the output folder}"
mkdir -p "$out"
go vet ./...
go build -ldflags "-s -w" -o "$out/" ./...
