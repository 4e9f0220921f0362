// Package examples records the examples of the protocol: it plays a day with a real
// daemon and the scripted claude, and writes what was asked and what was said into
// rpc/examples.json. Its test plays the same again, and fails where a daemon now
// says something else, so that no example is ever untrue. Ids, times, positions in
// the log and the like are those of the recording, and are not compared.
package examples

//go:generate go test -run ^TestExamplesAreTrue$ -count=1 . -update
