// Command sessiond is the daemon that runs Claude Code sessions, and the
// command line that talks to it.
//
// Every command but `serve`, `shim` and `hook` is a client: it uses package rpc/client
// and nothing else of the daemon's, and starts a daemon in the background
// where none answers. One file holds one command; what they share is in
// app.go (flags, environment, errors), start.go (the daemon in the
// background), follow.go and view.go (events for people), text.go and
// printer.go (what is fit for a terminal).
package main

import (
	"context"
	"os"
	"slices"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/session/hook"
	"github.com/sessiond/sessiond/session/shim"
)

func main() {
	// The shim comes before anything else: it starts in milliseconds, and lives
	// as long as its session.
	if len(os.Args) > 1 && os.Args[1] == "shim" {
		os.Exit(shim.Main(os.Args[2:]))
	}
	// So does the hook, for which Claude Code waits. For its help it is a command.
	if len(os.Args) > 1 && os.Args[1] == "hook" && !slices.ContainsFunc(os.Args[2:], asksForHelp) {
		os.Exit(hook.Main(os.Args[2:], os.Stdin, os.Getenv))
	}
	os.Exit(withSignals())
}

func asksForHelp(arg string) bool { return arg == "--help" || arg == "-h" }

// withSignals runs the command line: the first SIGINT or SIGTERM ends what it
// does, the second one the process, at once.
func withSignals() int {
	ctx, stop := daemon.OnSignals(context.Background(), func() { os.Exit(exitStopped) })
	defer stop()
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
}
