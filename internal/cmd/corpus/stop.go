package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// stop connects to the debugger of a container and stops the program in main.main.
func stop(ctx context.Context, container *testenv.Container, port string) (_ string, err error) {
	number, err := strconv.Atoi(port)
	if err != nil {
		return "", err
	}
	addr, err := container.Addr(ctx, number)
	if err != nil {
		return "", err
	}
	client, err := testenv.ConnectDelve(ctx, addr)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	nothing := func(context.Context) error { return nil }
	state, err := client.HitFunction(ctx, function, nothing)
	if err != nil {
		return "", err
	}
	at := state.CurrentThread
	return fmt.Sprintf("%s:%d", path.Base(at.File), at.Line), nil
}
