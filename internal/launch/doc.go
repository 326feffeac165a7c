// Package launch is PID 1 of the remote debug images. It starts Delve with the
// program as production would have started the program alone, and keeps the
// container's contract with its runtime: signals reach the program, the
// container ends when the program ends, and its exit code is the program's.
//
// It keeps what it needs to know from the kernel where it can (/proc, pidfd,
// wait4) and asks Delve's JSON-RPC only what Delve alone knows: whether the
// program is held, and how it ended when Delve was the one to wait for it.
package launch
