package main

import (
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/daemon"
)

// filesHelp is the text of `sessiond help files`.
func filesHelp() string {
	var b strings.Builder
	b.WriteString(`State directory: $SESSIOND_STATE_DIR, else $XDG_STATE_HOME/sessiond, else
~/.local/state/sessiond. It holds the database, the sessions' journals, the
lock, and the log of a daemon in the background (daemon.log).

Socket: $SESSIOND_SOCKET; else sessiond.sock in the state directory where that was
set explicitly; else $XDG_RUNTIME_DIR/sessiond/sessiond.sock; else in the state
directory.

Configuration: --config, else $SESSIOND_CONFIG, else
$XDG_CONFIG_HOME/sessiond/config.toml, else ~/.config/sessiond/config.toml. Flags win
over the environment, the environment over the file. Unknown keys are errors.

Settings, in the file and as environment variables:

`)
	for _, s := range daemon.Settings() {
		fmt.Fprintf(&b, "  %-18s %-27s %s\n", s.Key, s.Env(), s.Usage)
	}
	b.WriteString("\nNO_COLOR turns colours off.\n")
	return b.String()
}
