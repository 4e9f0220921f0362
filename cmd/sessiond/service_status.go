package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/daemon/service"
)

// serviceStatus is what `sessiond service status --json` prints.
type serviceStatus struct {
	Installed bool              `json:"installed"`
	Files     []string          `json:"files"`
	Condition service.Condition `json:"condition"`         // of the files
	Stale     bool              `json:"stale"`             // this version of the program would write others
	Program   string            `json:"program,omitempty"` // which it runs
	Socket    string            `json:"socket,omitempty"`  // which it listens on
	Manager   *service.Status   `json:"manager,omitempty"` // what the service manager says
	Problems  []string          `json:"problems"`

	EndsAtLogout bool `json:"ends_at_logout"` // with the last one of this user, and so do its sessions
}

func newServiceStatus(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the service stands; never starts it",
		Long: `Show which files the service has, which program it runs, and what the service
manager says of it. The exit code is 1 if no service is installed, or if something
about it is to be mended.`,
		Example: `  sessiond service status
  sessiond service status --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := a.config(cmd)
			if err != nil {
				return err
			}
			in, status, err := a.lookAtService(cmd.Context())
			if err != nil {
				return err
			}
			s := serviceStatus{Installed: in.Condition != service.Absent, Files: append([]string{}, in.Files...), Condition: in.Condition, Stale: in.Stale,
				Program: in.Spec.Executable, Socket: in.Spec.Socket, Manager: status, Problems: []string{}, EndsAtLogout: a.host().EndsAtLogout()}
			for _, f := range a.serviceFindings(cmd.Context(), config) {
				if f.Level != daemon.LevelOK {
					s.Problems = append(s.Problems, strings.TrimSuffix(f.Detail+": "+f.Advice, ": "))
				}
			}
			if a.json {
				err = a.out.object(s)
			} else {
				a.printService(s)
			}
			if err == nil && (!s.Installed || len(s.Problems) > 0) {
				return &silentError{exitError}
			}
			return err
		},
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

// lookAtService looks at the files and asks the manager; the status is nil where
// that cannot be reached.
func (a *app) lookAtService(ctx context.Context) (service.Installed, *service.Status, error) {
	host := a.host()
	in, err := host.Installed()
	if err != nil || in.Condition == service.Absent {
		return in, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	s, err := host.Status(ctx)
	var absent *service.AbsentError
	if errors.As(err, &absent) {
		return in, nil, nil
	}
	return in, &s, err
}

func (a *app) printService(s serviceStatus) {
	if !s.Installed {
		a.out.printf("no service is installed for this user; 'sessiond service install' installs one\n")
		return
	}
	list := []field{
		{"files", cleanLine(strings.Join(s.Files, ", ")) + " (" + string(s.Condition) + ")"},
		{"program", cleanLine(s.Program)},
		{"socket", cleanLine(s.Socket)},
	}
	if m := s.Manager; m != nil {
		state := cleanLine(m.Daemon)
		if m.PID != 0 {
			state += fmt.Sprintf(", pid %d", m.PID)
		}
		list = append(list, field{"daemon", state}, field{"says", cleanLine(m.Says)}, field{"socket unit", cleanLine(m.Socket)},
			field{"at login", map[bool]string{true: "is started", false: "is not started"}[m.Enabled]})
		if s.EndsAtLogout {
			list = append(list, field{"at logout", lingerHint})
		}
	}
	list = append(list, field{"problems", a.out.style(styleYellow, clean(strings.Join(s.Problems, "\n")))})
	a.fields(list)
}

// serviceFindings examines the service.
func (a *app) serviceFindings(ctx context.Context, config daemon.Config) (findings []daemon.Finding) {
	const check, again = "service", "run 'sessiond service install'"
	add := func(level daemon.Level, advice, format string, args ...any) {
		findings = append(findings, daemon.Finding{Check: check, Level: level, Detail: fmt.Sprintf(format, args...), Advice: advice})
	}
	in, status, err := a.lookAtService(ctx)
	switch {
	case err != nil:
		add(daemon.LevelWarning, "", "%v", err)
		return findings
	case in.Condition == service.Absent:
		add(daemon.LevelOK, "", "none is installed; commands start a daemon by themselves")
		return findings
	case !in.Own && !in.Enabled:
		add(daemon.LevelOK, "", "the units of a package are there and not enabled; commands start a daemon by themselves")
		return findings
	}
	if fi, err := os.Stat(in.Spec.Executable); err != nil || fi.Mode()&0o111 == 0 {
		add(daemon.LevelBad, again+" with the program that it shall run", "it runs %s, which is no program (any more)", in.Spec.Executable)
	}
	if in.Condition == service.Changed {
		add(daemon.LevelOK, "", "%s: changed by hand", strings.Join(in.Files, ", "))
	}
	if in.Stale {
		add(daemon.LevelWarning, again, "%s: another version of this program has written them", strings.Join(in.Files, ", "))
	}
	if in.Activates && in.Spec.Socket != "" && in.Spec.Socket != config.Socket {
		add(daemon.LevelOK, "", "it listens on %s, and not on %s, which is looked at here", in.Spec.Socket, config.Socket)
	}
	findings = append(findings, managerFindings(status, in)...)
	if len(findings) == 0 {
		add(daemon.LevelOK, "", "%s, which runs %s", strings.Join(in.Files, ", "), in.Spec.Executable)
	}
	return findings
}

// managerFindings judges what the manager says.
func managerFindings(s *service.Status, in service.Installed) (findings []daemon.Finding) {
	add := func(level daemon.Level, advice, detail string) {
		findings = append(findings, daemon.Finding{Check: "service", Level: level, Detail: detail, Advice: advice})
	}
	if s == nil {
		add(daemon.LevelWarning, "log in as this user (not by su or sudo)", "it is installed, and its manager cannot be reached from here")
		return findings
	}
	if s.Reload {
		add(daemon.LevelWarning, "run 'systemctl --user daemon-reload', and restart it", "its files have changed since the manager has read them")
	}
	if in.Activates && !s.Listens {
		add(daemon.LevelBad, "look into 'journalctl --user -u sessiond.socket -u sessiond.service', and run 'systemctl --user restart sessiond.socket'",
			"nobody listens on its socket, whose unit is "+s.Socket)
	}
	if strings.HasPrefix(s.Daemon, "failed") {
		add(daemon.LevelBad, "look into 'journalctl --user -u sessiond.service', and run 'systemctl --user restart sessiond.service'", "its daemon has "+s.Daemon)
	}
	if !s.Enabled {
		add(daemon.LevelWarning, "run 'sessiond service install'", "it is not started at login")
	}
	return findings
}
