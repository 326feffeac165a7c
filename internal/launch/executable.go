package launch

import (
	"debug/elf"
	"fmt"
)

// debuggable tells whether Delve can debug the program at path: an ELF file
// that Go's linker made, with its debug information. It reads section headers
// only.
func debuggable(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s is not a program that Delve can debug: %w", path, err)
	}
	defer func() { _ = file.Close() }()
	if file.Section(".go.buildinfo") == nil {
		return fmt.Errorf("%s is not a Go program", path)
	}
	if file.Section(".debug_info") == nil && file.Section(".zdebug_info") == nil {
		return fmt.Errorf("%s has no debug information", path)
	}
	return nil
}
