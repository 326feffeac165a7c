// Command docs makes the site of the documentation from README.md and docs, and the moving
// picture of a session from its recording.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", "../..", "folder of the repository")
	out := flag.String("o", "site", "folder that the site is written to, relative to the repository")
	pictures := flag.Bool("pictures", false, "draw the pictures of docs, docs/session.svg from docs/session.cast among them, and write no site")
	flag.Parse()
	var err error
	if *pictures {
		err = drawPictures(filepath.Join(*root, "docs"))
	} else {
		err = writeSite(*root, filepath.Join(*root, *out))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "docs: %v\n", err)
		os.Exit(1)
	}
}

// drawPictures draws the recording in a folder, and the ways to debug.
func drawPictures(dir string) error {
	for _, way := range ways {
		svg, err := way.svg()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "way-"+way.name+".svg"), svg, 0o644)
		}
		if err != nil {
			return err
		}
	}
	in, err := os.Open(filepath.Join(dir, "session.cast"))
	if err != nil {
		return err
	}
	defer in.Close()
	recording, err := readRecording(in)
	if err != nil {
		return fmt.Errorf("reading %s: %w", in.Name(), err)
	}
	svg, err := recording.svg()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "session.svg"), svg, 0o644)
}
