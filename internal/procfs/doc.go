// Package procfs reads of the kernel's /proc what the programs in debug images
// have to know of other processes: how they are, who traces them, and whether a
// client is connected to a debugger. Every process of the same PID namespace can be
// asked about, without privileges; what may not be read counts as absent.
//
// It imports the standard library only, since it is mounted into users' images.
package procfs
