package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// app is one call of the command line: its streams, environment and flags.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	out    *printer // standard output
	errs   *printer // standard error
	env    []string

	settings   map[string]*pflag.Flag // those that are settings of the daemon, by key
	configFile string
	json       bool
	lost       bool   // the daemon went away while events are followed, and this was said
	onLost     func() // is told so in its place
	tried      bool   // the service was asked to start the daemon
	parsed     bool   // flags and arguments were understood
}

// run is the whole program: tests call it in-process. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env, settings: map[string]*pflag.Flag{}}
	a.out, a.errs = newPrinter(stdout, a.getenv), newPrinter(stderr, a.getenv)
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(a.out)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !a.parsed {
		err = &usageError{err}
	}
	if flushErr := a.out.Flush(); err == nil {
		err = flushErr
	}
	a.complain(cmd, err)
	return exitCode(err)
}

// complain prints an error for people: what is wrong, and what to do next.
func (a *app) complain(cmd *cobra.Command, err error) {
	var silent *silentError
	if err == nil || errors.As(err, &silent) {
		return
	}
	defer func() { _ = a.errs.Flush() }() // there is nobody else to tell
	if code := exitCode(err); code == exitStopped {
		return
	} else if errors.Is(err, client.ErrDisconnected) {
		err = fmt.Errorf("%w; whether it did what it was asked is not known", client.ErrDisconnected)
	}
	a.errs.printf("%s %s\n", a.errs.style(styleRed, "sessiond:"), clean(err.Error()))
	var answered *api.Error
	if errors.As(err, &answered) {
		if answered.Reason == api.ReasonMethodNotFound && cmd.Name() != "rpc" {
			a.errs.printf("  the daemon may be older than this program ('sessiond version'): %s\n", upgradeHint)
		}
		if hint, ok := answered.Data["hint"].(string); ok && hint != "" {
			a.errs.printf("  %s\n", clean(hint))
		}
	}
	var usage *usageError
	if errors.As(err, &usage) {
		a.errs.printf("Run '%s --help' for how it is used.\n", cmd.CommandPath())
	}
}

// getenv looks a variable up in the environment of the call; the last one counts.
func (a *app) getenv(key string) string {
	for i := len(a.env) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(a.env[i], "="); ok && k == key {
			return v
		}
	}
	return ""
}

// config loads the configuration: flags of this call, environment, file.
func (a *app) config(cmd *cobra.Command) (daemon.Config, error) {
	flags := map[string]string{}
	for _, s := range daemon.Settings() {
		f := cmd.Flags().Lookup(s.Flag())
		if f != nil && f == a.settings[s.Key] && f.Changed { // another command's may have the name too
			flags[s.Key] = f.Value.String()
		}
	}
	return daemon.Load(daemon.Sources{Flags: flags, Getenv: a.getenv, File: a.configFile})
}

// withClient makes a command's function out of one that needs a daemon, which
// is started if none answers.
func (a *app) withClient(f func(ctx context.Context, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		config, err := a.config(cmd)
		if err != nil {
			return err
		}
		c, err := a.connectOrStart(cmd.Context(), config)
		if err != nil {
			return err
		}
		defer c.Close()
		return f(cmd.Context(), c, args)
	}
}

// settingFlag gives a command the flag of a setting.
func (a *app) settingFlag(flags *pflag.FlagSet, s daemon.Setting) {
	flags.String(s.Flag(), "", s.Usage)
	a.settings[s.Key] = flags.Lookup(s.Flag())
}

// jsonFlag gives a command the flag --json.
func (a *app) jsonFlag(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&a.json, "json", false, usage)
}
