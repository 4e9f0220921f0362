// Package recipes runs the scripts of docs/scripting.md as they stand there, each by
// its own line of usage, with real daemons.
package recipes
