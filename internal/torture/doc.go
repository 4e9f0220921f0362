// Package torture shows that nothing is lost or doubled, whatever is killed and
// whenever. It holds tests only, which run the built program as a process, with
// the scripted claude:
//
//   - TestCrashPoints kills it at each point that package crashpoint names, one
//     by one.
//   - TestTorture lets eight busy sessions run, kills, stops and starves
//     whatever there is at random moments, and looks at what is left. `make
//     torture` runs many rounds; the seed of a round repeats its plan.
//   - TestSoak has sessions and clients come and go, and looks at what the
//     daemon takes for them. `make soak` runs it for long.
//
// What must hold is in check_test.go: the scripted claude keeps a record of
// what it printed and of the messages that it took, and everything the daemon
// says is compared with that.
package torture
