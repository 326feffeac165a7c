package docker

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
)

// Create makes a container and returns its id. It does not start it.
func (e *Engine) Create(ctx context.Context, options client.ContainerCreateOptions) (id string, err error) {
	err = e.ask(ctx, func(ctx context.Context) error {
		answer, err := e.ContainerCreate(ctx, options)
		id = answer.ID
		return err
	})
	if err != nil {
		return "", fmt.Errorf("creating the container %s: %w", options.Name, err)
	}
	return id, nil
}

// StartContainer starts a container.
func (e *Engine) StartContainer(ctx context.Context, name string) error {
	err := e.ask(ctx, func(ctx context.Context) error {
		_, err := e.ContainerStart(ctx, name, client.ContainerStartOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("starting the container %s: %w", name, err)
	}
	return nil
}

// answerWithin is how long the engine may take to answer beyond the time that a container gets
// to end.
const answerWithin = 20 * time.Second

// StopContainer asks a container to end, and kills it after the grace; zero is the
// container's own, ten seconds mostly. One that is gone or has ended is no error.
func (e *Engine) StopContainer(ctx context.Context, name string, grace time.Duration) error {
	var options client.ContainerStopOptions
	if grace > 0 {
		seconds := int(grace.Seconds())
		options.Timeout = &seconds
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, grace+answerWithin)
		defer cancel()
	}
	_, err := e.ContainerStop(ctx, name, options)
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsNotModified(err) {
		return fmt.Errorf("stopping the container %s: %w", name, err)
	}
	return nil
}

// RemoveContainer deletes a container, which must not be in use any more: it is killed where
// it runs. Its own unnamed volumes go with it. One that is gone is no error.
func (e *Engine) RemoveContainer(ctx context.Context, name string) error {
	err := e.ask(ctx, func(ctx context.Context) error {
		_, err := e.ContainerRemove(ctx, name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		return err
	})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("removing the container %s: %w", name, err)
	}
	return nil
}

// Rename gives a container another name.
func (e *Engine) Rename(ctx context.Context, id, name string) error {
	err := e.ask(ctx, func(ctx context.Context) error {
		_, err := e.ContainerRename(ctx, id, client.ContainerRenameOptions{NewName: name})
		return err
	})
	if err != nil {
		return fmt.Errorf("renaming the container %s to %s: %w", id, name, err)
	}
	return nil
}

// Logs is what a container printed to both of its outputs.
func (e *Engine) Logs(ctx context.Context, name string) (string, error) {
	var b bytes.Buffer
	err := e.ask(ctx, func(ctx context.Context) error {
		logs, err := e.ContainerLogs(ctx, name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "200"})
		if err != nil {
			return err
		}
		defer func() { _ = logs.Close() }()
		_, err = stdcopy.StdCopy(&b, &b, logs)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the logs of the container %s: %w", name, err)
	}
	return b.String(), nil
}

// Ended waits for the end of a container, and returns its exit code.
func (e *Engine) Ended(ctx context.Context, id string) (code int, err error) {
	answer := e.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case got := <-answer.Result:
		return int(got.StatusCode), nil
	case err := <-answer.Error:
		return 0, fmt.Errorf("waiting for the end of the container %s: %w", id, err)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Account is what a registry is logged in to with.
type Account struct{ Username, Password, IdentityToken, RegistryToken string }

// Pull has the engine pull an image by its reference.
func (e *Engine) Pull(ctx context.Context, ref string, account Account) error {
	options := client.ImagePullOptions{}
	if account != (Account{}) {
		auth, err := authconfig.Encode(registry.AuthConfig{
			Username: account.Username, Password: account.Password, IdentityToken: account.IdentityToken, RegistryToken: account.RegistryToken,
		})
		if err != nil {
			return fmt.Errorf("pulling %s: %w", ref, err)
		}
		options.RegistryAuth = auth
	}
	answer, err := e.ImagePull(ctx, ref, options)
	if err == nil {
		err = answer.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("pulling %s: %w", ref, err)
	}
	return nil
}
