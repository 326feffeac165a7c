package testenv

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Get requests a page, again and again until a server answers with status 200 or
// ctx ends, and returns the body. An attempt has no time limit of its own: a
// program that stands at a breakpoint answers when it is continued.
func Get(ctx context.Context, url string) (string, error) {
	// A connection of its own for each attempt: a kept one may be a proxy's to a dead peer.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	body, err := again(ctx, func(ctx context.Context) (string, error) { return getOnce(ctx, client, url) })
	if err != nil {
		return "", fmt.Errorf("requesting %s: %w", url, err)
	}
	return body, nil
}

func getOnce(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %s: %s", res.Status, body)
	}
	return string(body), nil
}
