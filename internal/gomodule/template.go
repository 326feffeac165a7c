package gomodule

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// Values are what ko's templates are filled with.
type Values struct {
	// Dir is a folder of the module: {{.Git}} is what git says there.
	Dir string

	// Env is {{.Env}}.
	Env map[string]string

	// Now is {{.Date}} and {{.Timestamp}}.
	Now time.Time

	git map[string]any // nil until it is asked for
}

// Fill fills the templates in a list of flags.
func (v *Values) Fill(ctx context.Context, list []string) ([]string, error) {
	filled := slices.Clone(list)
	for i, text := range list {
		if !strings.Contains(text, "{{") {
			continue
		}
		t, err := template.New("flags").Option("missingkey=error").Parse(text)
		if err != nil {
			return nil, fmt.Errorf("the flag %q is no template: %w", text, err)
		}
		data := map[string]any{"Env": v.Env, "Date": v.Now.UTC().Format(time.RFC3339), "Timestamp": v.Now.Unix()}
		if strings.Contains(text, ".Git") {
			if data["Git"], err = v.ofGit(ctx); err != nil {
				return nil, fmt.Errorf("the flag %q: %w", text, err)
			}
		}
		var b bytes.Buffer
		if err := t.Execute(&b, data); err != nil {
			return nil, fmt.Errorf("the flag %q cannot be filled: %w", text, err)
		}
		filled[i] = b.String()
	}
	return filled, nil
}

// ofGit asks git for what ko does.
func (v *Values) ofGit(ctx context.Context) (map[string]any, error) {
	if v.git != nil {
		return v.git, nil
	}
	asked := map[string]string{}
	for name, args := range map[string][]string{
		"Branch":      {"rev-parse", "--abbrev-ref", "HEAD"},
		"ShortCommit": {"log", "-1", "--format=%h"},
		"FullCommit":  {"log", "-1", "--format=%H"},
		"date":        {"log", "-1", "--format=%ct"},
		"status":      {"status", "--porcelain"},
	} {
		out, err := Git(ctx, v.Dir, args...)
		if err != nil {
			return nil, err
		}
		asked[name] = out
	}
	tag, err := Git(ctx, v.Dir, "describe", "--tags", "--abbrev=0", "HEAD")
	if err != nil {
		tag = "v0.0.0" // there is none
	}
	sec, err := strconv.ParseInt(asked["date"], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("git names no time of the last commit: %w", err)
	}
	dirty, state := asked["status"] != "", "clean"
	if dirty {
		state = "dirty"
	}
	v.git = map[string]any{
		"Branch": asked["Branch"], "Tag": tag, "ShortCommit": asked["ShortCommit"], "FullCommit": asked["FullCommit"],
		"CommitDate": time.Unix(sec, 0).UTC().Format(time.RFC3339), "CommitTimestamp": sec,
		"IsDirty": dirty, "IsClean": !dirty, "TreeState": state,
	}
	return v.git, nil
}

// Git asks git about the repository that a folder lies in. The answer has no space around it.
func Git(ctx context.Context, dir string, args ...string) (string, error) {
	// A folder must not pass for a repository, whose configuration starts programs.
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s in %s: %w %s", args[0], dir, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
