package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
)

func newDoctor(a *app) *cobra.Command {
	var fix, rebuild bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that can be wrong, and say what to do",
		Long: `Check the configuration, the daemon, its files, its database, the disk, claude, and
what sessions have left behind. It works with and without a daemon, starts none,
and changes nothing, but with --fix: that repairs what it safely can (modes of files;
files, secrets, shims and processes of sessions that are over; unused lock files) and
says so. The database is read whole, which takes a while if it is large.
With --rebuild-search, the index that 'sessiond search' asks is removed first, and the
daemon makes it anew of the log, at once or when it is started.

The exit code is 1 if something is bad that was not repaired. What it prints holds
paths and ids, and nothing that was said in a session.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.doctor(cmd, fix, rebuild)
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "repair what can be repaired safely")
	cmd.Flags().BoolVar(&rebuild, "rebuild-search", false, "have the search index made anew")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

// diagnosis is what `sessiond doctor --json` prints.
type diagnosis struct {
	OK       bool             `json:"ok"`
	Findings []daemon.Finding `json:"findings"`
}

// doctor examines, and prints each finding as it comes.
func (a *app) doctor(cmd *cobra.Command, fix, rebuild bool) error {
	d := diagnosis{OK: true, Findings: []daemon.Finding{}}
	bar := a.newProgress()
	defer bar.end()
	report := func(f daemon.Finding) {
		d.OK = d.OK && f.Level != daemon.LevelBad
		d.Findings = append(d.Findings, f)
		if !a.json {
			bar.hide()
			a.printFinding(f)
		}
	}
	exe, _ := os.Executable() // only told
	report(daemon.Finding{Check: "program", Level: daemon.LevelOK, Detail: fmt.Sprintf("%s, version %s, protocol %d", exe, version(), api.ProtocolVersion)})
	config := a.examineConfig(cmd, report)
	if rebuild {
		report(daemon.RebuildSearch(config))
	}
	a.examineDaemon(cmd.Context(), config, report)
	for _, f := range a.serviceFindings(cmd.Context(), config) {
		report(f)
	}
	if in, err := a.host().Installed(); err == nil && in.Enabled && a.host().EndsAtLogout() {
		report(daemon.Finding{Check: "service", Level: daemon.LevelWarning, Detail: lingerHint})
	}
	daemon.Diagnose(cmd.Context(), daemon.Diagnosis{Config: config, Getenv: a.getenv, Environ: a.env, Fix: fix,
		Report: report, Step: func(what string) { bar.step(what, "") }})
	bar.end()
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	if a.json {
		if err := a.out.object(d); err != nil {
			return err
		}
	}
	if !d.OK {
		return &silentError{exitError}
	}
	return nil
}

func (a *app) printFinding(f daemon.Finding) {
	mark, st := "ok  ", styleGreen
	switch {
	case f.Fixed:
		mark = "mended"
	case f.Level == daemon.LevelWarning:
		mark, st = "warn", styleYellow
	case f.Level == daemon.LevelBad:
		mark, st = "BAD ", styleRed
	}
	a.out.printf("%s  %s  %s\n", a.out.style(st, pad(mark, 6)), pad(f.Check, 19), cleanLine(f.Detail))
	if f.Advice != "" {
		a.out.printf("%s→ %s\n", strings.Repeat(" ", 8), cleanLine(f.Advice))
	}
	_ = a.out.Flush()
}

// examineConfig loads the configuration, and returns one to go on with where it
// is bad.
func (a *app) examineConfig(cmd *cobra.Command, report func(daemon.Finding)) daemon.Config {
	const check = "configuration"
	config, err := a.config(cmd)
	if err != nil {
		report(daemon.Finding{Check: check, Level: daemon.LevelBad, Detail: err.Error(), Advice: "mend it: 'sessiond help files' lists all settings"})
		a.configFile = os.DevNull
		config, _ = a.config(cmd) // without the file; what is bad elsewhere stays at its default
		return config
	}
	parts := []string{}
	for _, o := range config.Origins() {
		parts = append(parts, fmt.Sprintf("%s is %q (%s)", o.Key, o.Value, o.Source))
	}
	if len(parts) == 0 {
		parts = append(parts, "all settings are the defaults")
	}
	report(daemon.Finding{Check: check, Level: daemon.LevelOK, Detail: strings.Join(parts, "; ")})
	return config
}

// answerPatience is how long a daemon may take to say how it is.
const answerPatience = 10 * time.Second

// examineDaemon asks the daemon, if one runs.
func (a *app) examineDaemon(ctx context.Context, config daemon.Config, report func(daemon.Finding)) {
	const check = "daemon"
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	c, err := a.connectRunning(ctx, config)
	running := daemon.Running(config)
	switch {
	case nobodyThere(err) && running == nil:
		report(daemon.Finding{Check: check, Level: daemon.LevelOK, Detail: "none runs; a command that needs one starts it"})
		return
	case err != nil:
		report(daemon.Finding{Check: check, Level: daemon.LevelBad, Detail: fmt.Sprintf("it runs, and cannot be reached: %v", err),
			Advice: "look into its log, and end it ('kill' its pid, see below); sessions go on"})
		return
	}
	defer c.Close()
	h, err := c.Health(ctx)
	if err != nil {
		report(daemon.Finding{Check: check, Level: daemon.LevelBad, Detail: fmt.Sprintf("it does not answer: %v", err), Advice: "look into its log"})
		return
	}
	detail := fmt.Sprintf("pid %d, version %s, protocol %d, up for %s, %s", h.PID, h.Version, h.ProtocolVersion,
		time.Since(h.StartedAt.Time).Round(time.Second), countsText(h.Sessions))
	if h.Version != version() || h.ProtocolVersion != api.ProtocolVersion {
		report(daemon.Finding{Check: check, Level: daemon.LevelWarning, Detail: detail + "; this program is of another version", Advice: upgradeHint})
	} else {
		report(daemon.Finding{Check: check, Level: daemon.LevelOK, Detail: detail})
	}
	for _, f := range settingsFindings(config, &h) {
		report(f)
	}
	for _, problem := range h.Problems {
		report(daemon.Finding{Check: "health", Level: daemon.LevelBad, Detail: problem})
	}
}

// settingsFindings says which settings the running daemon does not have as they are here.
func settingsFindings(config daemon.Config, h *api.Health) []daemon.Finding {
	const check = "settings"
	if h.Settings == nil {
		return nil // a daemon that does not tell them
	}
	if config.StateDir != h.StateDir {
		return []daemon.Finding{{Check: check, Level: daemon.LevelWarning, Advice: "choose another socket for another state directory, or see that both commands have the same settings",
			Detail: fmt.Sprintf("the daemon at %s has the state directory %s, and what is looked at below is %s", config.Socket, h.StateDir, config.StateDir)}}
	}
	here := config.Settings()
	findings := []daemon.Finding{}
	for _, key := range config.Differing(h.Settings) {
		findings = append(findings, daemon.Finding{Check: check, Level: daemon.LevelWarning,
			Detail: fmt.Sprintf("%s is %s here, and %s in the daemon that runs", key, settingText(here, key), settingText(h.Settings, key)),
			Advice: "a daemon keeps what it was started with: 'sessiond stop', and the next command starts one that has what is set here"})
	}
	if len(findings) == 0 {
		findings = append(findings, daemon.Finding{Check: check, Level: daemon.LevelOK, Detail: "the daemon that runs has the same"})
	}
	return findings
}

func settingText(values map[string]string, key string) string {
	if value, ok := values[key]; ok {
		return fmt.Sprintf("%q", value)
	}
	return "the default"
}
