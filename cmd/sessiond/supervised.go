package main

import (
	"os"
	"slices"
	"strings"

	sdnotify "github.com/coreos/go-systemd/v22/daemon"

	"github.com/sessiond/sessiond/daemon"
)

// supervised gives the daemon what a service manager has handed to this process:
// the listening socket, and a place to tell how it is.
func supervised(config *daemon.Config) error {
	config.Inherited = handedOver()
	watchdog, err := sdnotify.SdWatchdogEnabled(true)
	if err != nil {
		return usagef("%w", err)
	}
	config.Watchdog = watchdog
	if os.Getenv("NOTIFY_SOCKET") != "" {
		config.Notify = func(words string) {
			_, _ = sdnotify.SdNotify(false, words) // a supervisor that does not listen needs no answer
		}
	}
	return nil
}

// ofSupervisor are the variables by which a service manager talks to the daemon's
// process, which are no business of a session's.
var ofSupervisor = []string{
	"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
	"INVOCATION_ID", "JOURNAL_STREAM", "MANAGERPID", "MANAGERPIDFDID", "SYSTEMD_EXEC_PID",
	"MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE", "XPC_SERVICE_NAME",
}

// withoutSupervisor returns an environment without those.
func withoutSupervisor(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(ofSupervisor, name)
	})
}
