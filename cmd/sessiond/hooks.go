package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/cmd/sessiond/settings"
	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/hook"
)

// newHook is the help of the hook. It is run in main, before there is a command line.
func newHook() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook [--state-dir=DIR] [--patience=DURATION]",
		Short: "What Claude Code runs as its hook: leaves its input for the daemon",
		Long: `Claude Code runs this command as its hook, once 'sessiond hooks install' has said so
in its settings. It puts what Claude Code tells it on standard input into a file of
the state directory, from where the daemon takes it in, at once or when one runs
again. It never waits for a daemon and never starts one, prints nothing, ends after
30ms at most (--patience), and always with exit code 0. In a session that sessiond
itself has launched it does nothing.`,
		Example: `  sessiond hook --state-dir=/home/me/.local/state/sessiond < input.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("this command is run by Claude Code")
		},
	}
	cmd.Flags().Duration("patience", hook.DefaultPatience, "how long it may take, at most")
	return cmd
}

// hooksCall is one call of a command about the settings file.
type hooksCall struct {
	*app
	project  bool
	patience time.Duration
}

func newHooks(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hooks",
		Short: "Have sessions that you start in your own terminals appear here too",
		Long: `Have Claude Code tell sessiond of the sessions that you start yourself, in your own
terminals: they appear in 'sessiond list', with what was said and which tools were
used, and can be continued once they have ended. Claude Code does so by hooks, which
stand in its settings file: yours ($CLAUDE_CONFIG_DIR, else ~/.claude, and settings.json
in it) or with --project that of this project (.claude/settings.json here). Nothing else
in the file is changed, and a copy of it is left beside it.`,
		Example: `  sessiond hooks install
  sessiond hooks status --json
  sessiond hooks uninstall --project`,
	}
	c := &hooksCall{app: a}
	add := func(use, short string, run func(*cobra.Command) error) *cobra.Command {
		sub := &cobra.Command{Use: use, Short: short, Long: short + ". See 'sessiond hooks --help'.", Example: "  sessiond hooks " + use + "\n  sessiond hooks " + use + " --project",
			Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd) }}
		sub.Flags().BoolVar(&c.project, "project", false, "the settings of the project in the working directory, instead of yours")
		a.jsonFlag(sub, "print one JSON object")
		cmd.AddCommand(sub)
		return sub
	}
	install := add("install", "Put the hooks into Claude Code's settings", c.install)
	install.Flags().DurationVar(&c.patience, "patience", hook.DefaultPatience, "how long a hook may hold Claude Code up, at most; longer where the disk is slow")
	add("uninstall", "Take the hooks out of Claude Code's settings", c.uninstall)
	add("status", "Say whether the hooks are in Claude Code's settings; exit code 1 if not", c.status)
	return cmd
}

// file reads the settings file that is meant.
func (c *hooksCall) file() (*settings.File, error) {
	dir := ".claude"
	if !c.project {
		dir = claude.ConfigDir(c.getenv)
	}
	if dir == "" {
		return nil, errors.New("HOME is not set, so Claude Code's settings cannot be found: set it, or CLAUDE_CONFIG_DIR")
	}
	path, err := filepath.Abs(filepath.Join(dir, "settings.json"))
	if err != nil {
		return nil, err
	}
	return settings.Read(path)
}

// command is what Claude Code is to run. In a project's settings, which others may
// share, it is whichever sessiond each has; those who have none miss nothing.
func (c *hooksCall) command(config daemon.Config) (string, error) {
	var patience string
	if c.patience != hook.DefaultPatience && c.patience > 0 {
		patience = " --patience=" + c.patience.String()
	}
	if c.project {
		return "if command -v sessiond >/dev/null; then exec sessiond hook" + patience + "; fi", nil
	}
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("where sessiond is: %w", err)
	}
	if onPath, err := exec.LookPath("sessiond"); err == nil && filepath.IsAbs(onPath) && sameFile(onPath, program) {
		program = onPath // a link that outlives an upgrade, say
	}
	return quoted(program) + " hook " + quoted("--state-dir="+config.StateDir) + patience, nil
}

func sameFile(a, b string) bool {
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return errOne == nil && errOther == nil && os.SameFile(one, other)
}

// quoted is a word for a shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// hooksChange is what a change of the settings came to.
type hooksChange struct {
	File    string `json:"file"`
	Changed bool   `json:"changed"`
	Backup  string `json:"backup,omitempty"`
	Command string `json:"command,omitempty"`
}

// keepPatterns has the hooks know what is private before a daemon has run, which tells
// them what it goes by.
func keepPatterns(config daemon.Config) error {
	dir := hook.Dir(config.StateDir)
	if config.RedactPatterns == "" || hook.HasPatterns(dir) {
		return nil
	}
	if err := hook.KeepPatterns(dir, config.RedactPatterns); err != nil {
		return fmt.Errorf("have the hooks know what is private (redact_patterns): %w", err)
	}
	return nil
}

func (c *hooksCall) install(cmd *cobra.Command) error {
	config, err := c.config(cmd)
	if err != nil {
		return err
	}
	command, err := c.command(config)
	if err != nil {
		return err
	}
	f, err := c.file()
	if err != nil {
		return err
	}
	if err := keepPatterns(config); err != nil {
		return err
	}
	backup, changed, err := f.Install(command)
	if err != nil {
		return err
	}
	said := "the hooks are installed in %s\n"
	if !changed {
		said = "the hooks were installed in %s already\n"
	}
	if err := c.tell(hooksChange{f.Path, changed, backup, command}, said); err != nil || c.json {
		return err
	}
	if state, err := f.State(); err == nil && state.Disabled {
		c.errs.printf("Claude Code runs no hooks at all: \"disableAllHooks\" is set there\n")
		return c.errs.Flush()
	}
	if changed {
		c.out.printf("sessions that are started from now on appear in 'sessiond list'\n")
	}
	return nil
}

func (c *hooksCall) uninstall(*cobra.Command) error {
	f, err := c.file()
	if err != nil {
		return err
	}
	backup, changed, err := f.Uninstall()
	if err != nil {
		return err
	}
	said := "the hooks are gone from %s\n"
	if !changed {
		said = "there are no hooks of sessiond's in %s\n"
	}
	return c.tell(hooksChange{f.Path, changed, backup, ""}, said)
}

// tell says what a change came to.
func (c *hooksCall) tell(change hooksChange, said string) error {
	if c.json {
		return c.out.line(change)
	}
	c.out.printf(said, cleanLine(change.File))
	if change.Backup != "" {
		c.out.printf("what it was before is in %s\n", cleanLine(change.Backup))
	}
	return nil
}

// hooksStatus is what status prints with --json.
type hooksStatus struct {
	File      string   `json:"file"`
	Installed bool     `json:"installed"` // for every event
	Missing   []string `json:"missing"`   // the events for which nothing is run
	Commands  []string `json:"commands"`  // what is run
	Disabled  bool     `json:"disabled"`  // Claude Code runs no hooks at all
}

func (c *hooksCall) status(*cobra.Command) error {
	f, err := c.file()
	if err != nil {
		return err
	}
	state, err := f.State()
	if err != nil {
		return err
	}
	s := hooksStatus{File: f.Path, Missing: []string{}, Commands: []string{}, Disabled: state.Disabled}
	for _, event := range settings.Events {
		switch command := state.Commands[event]; {
		case command == "":
			s.Missing = append(s.Missing, event)
		case !slices.Contains(s.Commands, command):
			s.Commands = append(s.Commands, command)
		}
	}
	s.Installed = len(s.Missing) == 0 && !s.Disabled
	if c.json {
		err = c.out.line(s)
	} else {
		c.print(&s)
	}
	if err == nil && !s.Installed {
		return &silentError{exitError}
	}
	return err
}

func (c *hooksCall) print(s *hooksStatus) {
	switch {
	case len(s.Commands) == 0:
		c.out.printf("not installed in %s\n", cleanLine(s.File))
	case len(s.Missing) > 0:
		c.out.printf("installed in part in %s: nothing for %s; 'sessiond hooks install' mends that\n", cleanLine(s.File), strings.Join(s.Missing, ", "))
	default:
		c.out.printf("installed in %s\n", cleanLine(s.File))
	}
	for _, command := range s.Commands {
		c.out.printf("  %s\n", cleanLine(command))
	}
	if s.Disabled {
		c.out.printf("but Claude Code runs no hooks at all: \"disableAllHooks\" is set there\n")
	}
}
