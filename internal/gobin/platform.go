package gobin

import (
	"debug/elf"
	"encoding/binary"
	"runtime/debug"
)

// platform returns GOOS and GOARCH: the build settings, and where there are none
// (before Go 1.18) what the ELF header says.
func platform(f *elf.File, info *debug.BuildInfo) (goos, goarch string) {
	goos, goarch = setting(info, "GOOS"), setting(info, "GOARCH")
	if goos == "" {
		goos = headerOS(f)
	}
	if goarch == "" {
		goarch = headerArch(f)
	}
	return goos, goarch
}

// headerOS names the system whose ABI the header asks for. Linux's is the one that
// asks for none.
func headerOS(f *elf.File) string {
	switch f.OSABI {
	case elf.ELFOSABI_FREEBSD:
		return "freebsd"
	case elf.ELFOSABI_NETBSD:
		return "netbsd"
	case elf.ELFOSABI_OPENBSD:
		return "openbsd"
	case elf.ELFOSABI_SOLARIS:
		return "solaris"
	}
	return "linux"
}

// headerArch names the architecture of the header's machine in Go's terms, empty for
// one that Go does not know.
func headerArch(f *elf.File) string {
	little := f.ByteOrder == binary.ByteOrder(binary.LittleEndian)
	wide := f.Class == elf.ELFCLASS64
	switch f.Machine {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_386:
		return "386"
	case elf.EM_AARCH64:
		return "arm64"
	case elf.EM_ARM:
		return "arm"
	case elf.EM_RISCV:
		return "riscv64"
	case elf.EM_S390:
		return "s390x"
	case elf.EM_LOONGARCH:
		return "loong64"
	case elf.EM_PPC64:
		if little {
			return "ppc64le"
		}
		return "ppc64"
	case elf.EM_MIPS:
		name := "mips"
		if wide {
			name = "mips64"
		}
		if little {
			name += "le"
		}
		return name
	}
	return ""
}
