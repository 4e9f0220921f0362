// Package e2e holds the end-to-end tests: a whole daemon, its shims, the Go
// client, and the real Claude Code against a stand-in for its API, or the
// scripted claude where load, faults or odd output are wanted.
//
// It has nothing to import.
package e2e
