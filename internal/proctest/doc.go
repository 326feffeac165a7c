// Package proctest is what tests need that run programs: an output that is read
// while it is written, a terminal, a program linked both stripped and with symbols.
package proctest
