package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// result is what was seen of one Dockerfile.
type result struct {
	// Explained is the answer of `dlvgen explain`, Wrong why it is not the right one.
	Explained string `json:"explained,omitempty"`
	Wrong     string `json:"wrong,omitempty"`

	// Derived is where the program stopped, "main.go:12", Failure why it did not.
	Derived string `json:"derived,omitempty"`
	Failure string `json:"failure,omitempty"`
}

func (r result) String() string {
	switch {
	case r.Failure != "":
		return "FAILED: " + r.Failure
	case r.Derived != "":
		return "stopped at " + r.Derived
	case r.Wrong != "":
		return fmt.Sprintf("WRONG: %s (%s)", r.Explained, r.Wrong)
	}
	return r.Explained
}

// results are kept in a file, so that a run can take a part of the list.
type results struct {
	file string
	rows map[string]result
}

func openResults(state string) (*results, error) {
	if err := os.MkdirAll(state, 0o755); err != nil {
		return nil, fmt.Errorf("opening the results: %w", err)
	}
	rs := &results{file: filepath.Join(state, "results.json"), rows: map[string]result{}}
	text, err := os.ReadFile(rs.file)
	if errors.Is(err, os.ErrNotExist) {
		return rs, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the results: %w", err)
	}
	if err := json.Unmarshal(text, &rs.rows); err != nil {
		return nil, fmt.Errorf("reading %s: %w", rs.file, err)
	}
	return rs, nil
}

func (rs *results) of(r row) result { return rs.rows[r.name()] }

// keep stores the result at once.
func (rs *results) keep(r row, res result) error {
	rs.rows[r.name()] = res
	text, err := json.MarshalIndent(rs.rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(rs.file, append(text, '\n'), 0o600)
}
