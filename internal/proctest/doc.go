// Package proctest is what tests need that run programs: what the machine has to have, an
// end to every wait,
// an output that is read while it is written, a terminal, a debugger that lets a program
// run, a program linked both stripped and with symbols, a server that never answers.
package proctest
