// Package sidecar is the debugger that comes to a running container: PID 1 of an
// image without the app, started in the PID namespace of a container that runs it.
//
// It finds the program among the processes there, makes sure that debug information
// describes it, and attaches Delve: with a terminal as a prompt, without one as a
// server for clients, behind a guard: no client ends the program, or leaves it
// standing. The program goes on when the debugger leaves.
//
// It imports the standard library and packages of this module that do the same,
// since it runs in users' containers.
package sidecar
