package gobin

import "os"

// ReadFile reads the facts of the program in a file, as [Read] does.
func ReadFile(name string) (*Facts, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return Read(f)
}

// FileSections hashes the sections of the program in a file, as [Sections] does.
func FileSections(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return Sections(f)
}
