// Command sbomscanner stands in for docker/buildkit-syft-scanner in tests, by the protocol
// in docs/attestations/sbom-protocol.md of moby/buildkit: it lists the files of each file
// system, and the module of each Go program in the image.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// statement is what a document is delivered in, an in-toto statement.
type statement struct {
	Type      string   `json:"_type"`
	Kind      string   `json:"predicateType"`
	Predicate document `json:"predicate"`
}

// document is an SPDX document, as far as BuildKit reads it.
type document struct {
	Version  string `json:"spdxVersion"`
	ID       string `json:"SPDXID"`
	License  string `json:"dataLicense"`
	Name     string `json:"name"`
	Files    []file `json:"files"`
	Packages []pkg  `json:"packages,omitempty"`
}

type file struct {
	ID   string `json:"SPDXID"`
	Name string `json:"fileName"`
}

type pkg struct {
	ID      string `json:"SPDXID"`
	Name    string `json:"name"`
	Version string `json:"versionInfo"`
	From    string `json:"downloadLocation"`
}

func main() {
	if err := run(os.Getenv("BUILDKIT_SCAN_DESTINATION"), os.Getenv("BUILDKIT_SCAN_SOURCE"), os.Getenv("BUILDKIT_SCAN_SOURCE_EXTRAS")); err != nil {
		fmt.Fprintln(os.Stderr, "sbomscanner:", err)
		os.Exit(1)
	}
}

// run scans the image, and each of the other file systems.
func run(to, image, extras string) error {
	if err := scan(to, image, true); err != nil {
		return err
	}
	others, err := os.ReadDir(extras)
	if extras == "" || os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, other := range others {
		if err := scan(to, filepath.Join(extras, other.Name()), false); err != nil {
			return err
		}
	}
	return nil
}

// scan writes the document of one file system.
func scan(to, root string, modules bool) error {
	doc := document{Version: "SPDX-2.3", ID: "SPDXRef-DOCUMENT", License: "CC0-1.0", Name: filepath.Base(root)}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		doc.Files = append(doc.Files, file{ID: "SPDXRef-File-" + strconv.Itoa(len(doc.Files)), Name: name})
		if info, err := buildinfo.ReadFile(path); modules && err == nil {
			doc.Packages = append(doc.Packages, pkg{ID: "SPDXRef-Package-" + strconv.Itoa(len(doc.Packages)), Name: info.Main.Path, Version: info.Main.Version, From: "NOASSERTION"})
		}
		return nil
	})
	if err != nil {
		return err
	}
	dt, err := json.Marshal(statement{Type: "https://in-toto.io/Statement/v0.1", Kind: "https://spdx.dev/Document", Predicate: doc})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, filepath.Base(root)+".spdx.json"), dt, 0o644)
}
