package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/cmd/sessiond/tui"
	"github.com/sessiond/sessiond/rpc/client"
)

func newTUI(a *app) *cobra.Command {
	var theme string
	var mouse bool
	cmd := &cobra.Command{
		Use:   "tui [SESSION]",
		Short: "All sessions on one screen: watch, answer, talk, launch",
		Long: `Show all sessions, what needs you first, and beside them the conversation of one
of them, live. A key answers what is asked; others launch, continue, fork,
interrupt, end, archive and rename sessions, and switch their model and mode. '?' shows
all keys.

It needs a terminal of 80 columns and 24 lines; from 110 columns on, list and
conversation stand side by side. NO_COLOR turns colours off. Leaving it ('q')
leaves everything running; when the daemon is restarted, it goes on by itself.`,
		Example: `  sessiond tui                    begin with what needs you most
  sessiond tui 01a1fc81           begin with this session
  sessiond tui --theme light      if the terminal does not say what its background is`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeIDs,
	}
	flags := cmd.Flags()
	flags.StringVar(&theme, "theme", string(tui.ThemeAuto), "colours for a `background`: auto (asks the terminal), dark or light")
	flags.BoolVar(&mouse, "mouse", false, "scroll and choose panes with the mouse (the terminal's own selection needs shift then)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch tui.Theme(theme) {
		case tui.ThemeAuto, tui.ThemeDark, tui.ThemeLight:
		default:
			return usagef("--theme %q: it is auto, dark or light", theme)
		}
		if !a.onTerminal() {
			return usagef("tui is for a terminal; use 'sessiond list' and 'sessiond watch' instead")
		}
		lost := make(chan struct{}, 1)
		a.onLost = func() {
			select {
			case lost <- struct{}{}:
			default: // one waits already, and says the same
			}
		}
		o := a.tuiOptions(cmd, lost)
		o.Theme, o.Mouse = tui.Theme(theme), mouse
		return a.withClient(func(ctx context.Context, c *client.Client, args []string) (err error) {
			if o.Daemon = c; len(args) > 0 {
				if o.Session, err = resolve(ctx, c, args[0]); err != nil {
					return err
				}
			}
			return tui.Run(ctx, o, a.stdin, a.out.file)
		})(cmd, args)
	}
	return cmd
}

// tuiOptions is what the UI needs of this call.
func (a *app) tuiOptions(cmd *cobra.Command, lost <-chan struct{}) tui.Options {
	dir, err := os.Getwd()
	if err != nil { // it was removed: then the daemon's default
		dir = ""
	}
	return tui.Options{
		Lost: lost, Env: a.environment(), Environ: a.env, Dir: dir, Home: a.getenv("HOME"),
		Colors: a.out.color, Now: time.Now,
		Start: func(ctx context.Context) error {
			config, err := a.config(cmd)
			if err != nil {
				return err
			}
			c, err := a.connectOrStart(ctx, config)
			if err != nil {
				return fmt.Errorf("no daemon: %w", err)
			}
			return c.Close()
		},
	}
}
