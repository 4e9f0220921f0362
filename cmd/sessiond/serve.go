package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
)

func newServe(a *app) *cobra.Command {
	var background, agent bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon in the foreground",
		Long: `Run the daemon in the foreground until SIGTERM or SIGINT; a second one ends it at
once. Sessions survive either, and the next daemon takes them up.

Other commands start a daemon in the background when none answers; its log is
daemon.log in the state directory.

Under systemd it takes the socket that the unit listens on (LISTEN_FDS), says when it is
ready, how it is and when it stops (NOTIFY_SOCKET), and that it lives (WATCHDOG_USEC):
'sessiond service install' writes such a unit.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := a.config(cmd)
			if err != nil {
				return err
			}
			if err := outsideSessions(a.env); err != nil {
				return fmt.Errorf("no daemon is started here: %w", err)
			}
			if config.Executable, err = os.Executable(); err != nil {
				return err
			}
			config.Version = version()
			config.Environ = withoutSupervisor(a.env)
			config.Background = background || agent
			if background {
				config.Ready = tellStarter()
			} else if err := supervised(&config); err != nil {
				return err
			}
			return daemon.Run(cmd.Context(), config)
		},
	}
	for _, s := range daemon.Settings() {
		if a.settings[s.Key] == nil { // the others are flags of every command
			a.settingFlag(cmd.Flags(), s)
		}
	}
	cmd.Flags().BoolVar(&background, "background", false, "")
	cmd.Flags().BoolVar(&agent, "agent", false, "")
	_ = cmd.Flags().MarkHidden("background")
	_ = cmd.Flags().MarkHidden("agent") // of launchd, which has no log that is bounded
	return cmd
}

// tellStarter returns a function that tells whoever has started this daemon in
// the background that it answers: see startDaemon. No child may inherit the
// pipe, whose end is how a dead daemon is noticed.
func tellStarter() func() {
	syscall.CloseOnExec(3)
	pipe := os.NewFile(3, "starter")
	return func() {
		_, _ = pipe.WriteString("ready\n") // a starter that has gone away needs no answer
		_ = pipe.Close()
	}
}
