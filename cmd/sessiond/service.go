package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/daemon/service"
)

func newService(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Have the daemon run as a service of your login",
		Long: `Have systemd (Linux) or launchd (macOS) run the daemon for this user: from login on,
again after a crash, and restarted without any session noticing.

With systemd the socket is there before the daemon is: who connects while none runs has
one started, and waits for its answer. Without a service, commands start a daemon by
themselves, and nothing is missing but these.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newServiceInstall(a), newServiceUninstall(a), newServiceStatus(a))
	return cmd
}

func newServiceInstall(a *app) *cobra.Command {
	var force, dryRun bool
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the service, or bring it up to date, and start it",
		Long: `Write the units of 'systemd --user' (macOS: the agent of launchd), enable and start
them. A daemon that runs already makes way; its sessions go on.

The service runs this program where it lies, with the settings that flags and
environment give this call (--state-dir, SESSIOND_MAX_SESSIONS, …) and with its PATH. It
gets no other variable: sessions have the environment of whoever launches them.

To install it again changes what has to be changed, if anything. A file that was
changed by hand is left alone, and nothing is done, but with --force; drop-ins
('systemctl --user edit sessiond.service') are never touched.`,
		Example: `  sessiond service install             from now on at every login
  sessiond service install --dry-run   only show the files and what would be run
  loginctl enable-linger               have sessions go on when you log out`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.installService(cmd, force, dryRun) },
	}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite files that were changed by hand")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only print what would be written and run")
	return cmd
}

func newServiceUninstall(a *app) *cobra.Command {
	var force, dryRun bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the service; sessions and data stay",
		Long: `Stop and disable the service, and remove the files that 'service install' has
written. Sessions go on, all data stays, and the next command starts a daemon in the
background, which takes them up. It is no error if no service is installed.`,
		Example: `  sessiond service uninstall
  sessiond service uninstall --dry-run   only show what would be removed and run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := a.host().PlanUninstall(force)
			if err != nil {
				return err
			}
			if dryRun {
				return a.printPlan(plan)
			}
			if len(plan.Remove) == 0 {
				a.out.printf("no service is installed for this user\n")
				return nil
			}
			if err := plan.Do(cmd.Context()); err != nil {
				return err
			}
			a.out.printf("removed %s; sessions go on, and the next command starts a daemon\n", cleanLine(strings.Join(plan.Remove, " and ")))
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "remove files too that were changed by hand")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only print what would be removed and run")
	return cmd
}

// host is where this call would have its service.
func (a *app) host() service.Host { return service.Here(a.env) }

// serviceSpec is the service that has the settings of this call.
func (a *app) serviceSpec(config daemon.Config) (service.Spec, error) {
	exe, err := stableExecutable(a.getenv("PATH"))
	if err != nil {
		return service.Spec{}, err
	}
	env := config.Environment(nil)
	// PATH has claude and what it needs, for clients that send no environment; the
	// others say where the files lie.
	for _, name := range []string{"PATH", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
		if value := a.getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return service.Spec{Executable: exe, Socket: config.Socket, RuntimeDir: a.host().RuntimeDir, Environment: env, Log: config.DaemonLog()}, nil
}

// stableExecutable is the path of this program: that on the PATH, where it is the
// same, for it may be a link that stays when the program is upgraded.
func stableExecutable(path string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	own, err := os.Stat(exe)
	if err != nil {
		return "", err
	}
	for _, dir := range filepath.SplitList(path) {
		found := filepath.Join(dir, filepath.Base(exe))
		if fi, err := os.Stat(found); err == nil && filepath.IsAbs(found) && os.SameFile(fi, own) {
			return found, nil
		}
	}
	return exe, nil
}

// servicePatience is how long the daemon of a service that was just started may take
// to answer: it may have to bring its database to a new version.
const servicePatience = 2 * time.Minute

func (a *app) installService(cmd *cobra.Command, force, dryRun bool) error {
	config, err := a.config(cmd)
	if err != nil {
		return err
	}
	spec, err := a.serviceSpec(config)
	if err != nil {
		return err
	}
	host := a.host()
	plan, err := host.PlanInstall(spec, force)
	if err != nil {
		return err
	}
	if dryRun {
		return a.printPlan(plan)
	}
	ctx := cmd.Context()
	if host.OS == "darwin" && len(plan.Write) > 0 { // with systemd the unit of the socket does so
		if err := a.stop(ctx, config, servicePatience); err != nil {
			return err
		}
	}
	if err := plan.Do(ctx); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return fmt.Errorf("%w; 'sessiond service status' and 'journalctl --user -u sessiond.service' tell more", err)
		}
		return err
	}
	for _, f := range plan.Write {
		a.out.printf("wrote %s\n", cleanLine(f.Path))
	}
	for _, path := range plan.Same {
		a.out.printf("%s is as it should be\n", cleanLine(path))
	}
	return a.greet(ctx, config, host)
}

// greet waits until the daemon of the service answers, and says so.
func (a *app) greet(ctx context.Context, config daemon.Config, host service.Host) error {
	patient, cancel := context.WithTimeoutCause(ctx, servicePatience, errors.New("it takes too long"))
	defer cancel()
	pid := 0
	var last error
	err := poll(patient, func() bool {
		c, err := a.connect(patient, config)
		if last = err; err != nil {
			return false
		}
		defer c.Close()
		h, err := c.Health(patient)
		last, pid = err, h.PID
		return err == nil
	})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &unreachableError{fmt.Errorf("the service is installed, and its daemon does not answer: %w; 'sessiond service status' tells more", last)}
	}
	a.out.printf("the service runs (pid %d) and listens on %s\n", pid, cleanLine(config.Socket))
	if host.EndsAtLogout() {
		a.out.printf("%s\n", lingerHint)
	}
	return nil
}

// lingerHint is what whoever has a service has to know.
const lingerHint = "the service's sessions end when you log out for the last time: run 'loginctl enable-linger' to have them go on"

// printPlan prints what would be done.
func (a *app) printPlan(p service.Plan) error {
	for _, f := range p.Write {
		a.out.printf("%s\n", a.out.style(styleBold, "write "+cleanLine(f.Path)))
		for line := range strings.Lines(f.Content) {
			a.out.printf("    %s\n", cleanLine(strings.TrimSuffix(line, "\n")))
		}
	}
	for _, path := range p.Same {
		a.out.printf("%s is as it should be\n", cleanLine(path))
	}
	for _, command := range p.Commands {
		a.out.printf("%s %s\n", a.out.style(styleBold, "run"), cleanLine(strings.TrimPrefix(strings.Join(command, " "), "- ")))
	}
	for _, path := range p.Remove {
		a.out.printf("%s %s\n", a.out.style(styleBold, "remove"), cleanLine(path))
	}
	if len(p.Write)+len(p.Same)+len(p.Commands)+len(p.Remove) == 0 {
		a.out.printf("nothing is to be done: no service is installed for this user\n")
	}
	return nil
}
