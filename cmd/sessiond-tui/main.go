// Command sessiond-tui is the terminal UI. 'sessiond tui' runs it: it looks for
// it beside itself, starts a daemon where none runs, finds the session, and
// says the rest by flags.
//
// It is a program of its own so that what the UI is made of is not set up, and
// kept in memory, by the daemon and by the shim of every session.
package main

import (
	"os"

	"github.com/sessiond/sessiond/cmd/sessiond-tui/tui"
)

func main() { os.Exit(tui.Main(os.Args[1:])) }
