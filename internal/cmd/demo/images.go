package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// images are the references of what the demo runs.
type images struct{ production, remote, sidecar string }

// build builds production's image and derives debug images from its Dockerfile.
func (d *demo) build(ctx context.Context) (_ images, err error) {
	if err := d.show(filepath.Join(d.root, service, "Dockerfile")); err != nil {
		return images{}, err
	}
	if err := os.WriteFile(d.config(), []byte(fmt.Sprintf("[registry.\"docker.io\"]\n  mirrors = [%q]\n", d.registry.Host)), 0o600); err != nil {
		return images{}, err
	}
	defer func() {
		err = errors.Join(err, d.dlvgen(context.WithoutCancel(ctx), io.Discard, "buildkit", "stop"))
	}()
	made := images{production: d.registry.Ref("hello:v1")}
	if err := d.derive(ctx, &made); err != nil {
		return images{}, err
	}
	return made, d.produce(ctx, made.production)
}

// derive derives and pushes the debug images.
func (d *demo) derive(ctx context.Context, made *images) error {
	var printed strings.Builder
	err := d.dlvgen(ctx, io.MultiWriter(d.out, &printed),
		"build", service, "-t", made.production, "--variant", "remote,sidecar", "--push", "--progress", "plain")
	if err != nil {
		return err
	}
	for ref := range strings.FieldsSeq(printed.String()) {
		switch name, _, _ := strings.Cut(ref, "@"); name {
		case made.production + "-debug":
			made.remote = ref
		case made.production + "-debug-sidecar":
			made.sidecar = ref
		}
	}
	if made.remote == "" || made.sidecar == "" {
		return fmt.Errorf("dlvgen did not print the references of both debug images: %q", printed.String())
	}
	return nil
}

// produce builds production's image as docker/dockerfile does, in the BuildKit that
// dlvgen has started.
func (d *demo) produce(ctx context.Context, ref string) error {
	d.say("$ docker buildx build " + service + " -t " + ref + " --push")
	var status struct {
		Addr string `json:"addr"`
	}
	var out strings.Builder
	if err := d.dlvgen(ctx, &out, "buildkit", "status", "--format", "json"); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out.String()), &status); err != nil {
		return fmt.Errorf("reading the status of BuildKit: %w", err)
	}
	bk := testenv.BuildKit{Addr: status.Addr}
	if solved, err := bk.Solve(ctx, testenv.Solve{Context: filepath.Join(d.root, service), Push: ref}); err != nil {
		return fmt.Errorf("%w\n%s", err, solved.Log)
	}
	return nil
}
