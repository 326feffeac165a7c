// Package launch is what starts the program in the remote debug images, as PID 1
// (init) or at the program's own path (launcher): a container that differs from
// production by the debugger alone.
//
// The program is this process's own child, started as production would start it and
// stopped before its first instruction; then Delve attaches to it. So the program's
// environment, arguments and descriptors are production's, its exit status comes from
// wait4, and Delve may come and go. Signals reach the program, its end is the
// container's, and a client that leaves never takes it along.
//
// The kernel is asked where it knows (/proc, wait4); Delve's JSON-RPC tells only that
// it serves, and whether a program that nobody looks at is held by a panic.
package launch
