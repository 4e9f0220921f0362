package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
)

// tuiProgram is the terminal UI, a program of its own.
const tuiProgram = "sessiond-tui"

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
leaves everything running; when the daemon is restarted, it goes on by itself.

The UI is a program of its own, sessiond-tui, which is looked for beside this one
and then on PATH.`,
		Example: `  sessiond tui                    begin with what needs you most
  sessiond tui 01a1fc81           begin with this session
  sessiond tui --theme light      if the terminal does not say what its background is`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeIDs,
	}
	flags := cmd.Flags()
	flags.StringVar(&theme, "theme", "auto", "colours for a `background`: auto (asks the terminal), dark or light")
	flags.BoolVar(&mouse, "mouse", false, "scroll and choose panes with the mouse (the terminal's own selection needs shift then)")
	a.completeFlag(cmd, "theme", cobra.FixedCompletions([]string{"auto", "dark", "light"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !a.onTerminal() {
			return usagef("tui is for a terminal; use 'sessiond list' and 'sessiond watch' instead")
		}
		program, self, err := findTUI()
		if err != nil {
			return err
		}
		config, err := a.config(cmd)
		if err != nil {
			return err
		}
		argv := []string{tuiProgram, "--socket", config.Socket, "--theme", theme,
			"--colors=" + strconv.FormatBool(a.out.color), "--mouse=" + strconv.FormatBool(mouse)}
		if n := int(config.MaxRequestBytes); n > 0 {
			argv = append(argv, "--max-request-bytes", strconv.Itoa(n))
		}
		if argv, err = a.sessionFor(cmd.Context(), config, args, argv); err != nil {
			return err
		}
		argv = append(append(argv, "--", self), a.startArgs(cmd)...)
		return fmt.Errorf("%s cannot be run: %w", program, syscall.Exec(program, argv, a.env)) // #nosec G204 -- that is what it is for
	}
	return cmd
}

// sessionFor sees to it that a daemon runs, and adds the session that is asked for to what the UI is told.
func (a *app) sessionFor(ctx context.Context, config daemon.Config, args, argv []string) ([]string, error) {
	c, err := a.connectOrStart(ctx, config)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if len(args) == 0 {
		return argv, nil
	}
	id, err := resolve(ctx, c, args[0])
	return append(argv, "--session", id), err
}

// startArgs is a command that starts a daemon as this call would, if none answers.
func (a *app) startArgs(cmd *cobra.Command) []string {
	args := []string{"rpc", "health"}
	if a.configFile != "" {
		args = append(args, "--config", a.configFile)
	}
	for _, s := range daemon.Settings() {
		if f := cmd.Flags().Lookup(s.Flag()); f != nil && f == a.settings[s.Key] && f.Changed {
			args = append(args, "--"+s.Flag()+"="+f.Value.String())
		}
	}
	return args
}

// findTUI finds the program of the UI, and this one.
func findTUI() (program, self string, err error) {
	self, err = os.Executable()
	if err != nil {
		return "", "", err
	}
	program, err = findProgram("the terminal UI", tuiProgram)
	return program, self, err
}
