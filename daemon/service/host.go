package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Host is where the service is to be: whose, and under which manager.
type Host struct {
	OS         string // as runtime.GOOS has it: darwin has launchd, all others systemd
	UID        int
	Home       string
	ConfigHome string   // $XDG_CONFIG_HOME, or what stands for it
	RuntimeDir string   // $XDG_RUNTIME_DIR; "": none
	SystemDirs []string // where packages and administrators put units of all users
	// Run runs a command of the manager's and returns what it has printed.
	Run func(ctx context.Context, command []string) (string, error)
}

// Here is the host of whoever has this environment.
func Here(env []string) Host {
	get := func(key string) string {
		for i := len(env) - 1; i >= 0; i-- {
			if value, ok := strings.CutPrefix(env[i], key+"="); ok {
				return value
			}
		}
		return ""
	}
	h := Host{
		OS: runtime.GOOS, UID: os.Getuid(), Home: get("HOME"), ConfigHome: get("XDG_CONFIG_HOME"), RuntimeDir: get("XDG_RUNTIME_DIR"),
		SystemDirs: []string{"/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"},
		Run:        func(ctx context.Context, command []string) (string, error) { return runCommand(ctx, env, command) },
	}
	if !filepath.IsAbs(h.ConfigHome) {
		h.ConfigHome = filepath.Join(h.Home, ".config")
	}
	if !filepath.IsAbs(h.RuntimeDir) {
		h.RuntimeDir = ""
	}
	return h
}

// runCommand runs a command, and gives an error that says what it has complained of.
func runCommand(ctx context.Context, env, command []string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) // #nosec G204 -- systemctl and launchctl, with arguments of this package
	cmd.Env = env
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if err != nil && complaint.Len() > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return out.String(), err
}

// manager is what differs between the managers: files, and commands as data.
type manager interface {
	name() string
	places() []string                 // where files are looked for, in this order
	files(s Spec) []File              // what install writes
	parse(contents []string) Spec     // reads their contents
	probe() []string                  // succeeds where the manager can be reached
	activate(changed bool) [][]string // after the files were written, or were found as they should be
	start() [][]string                // what is installed
	deactivate() [][]string           // before the files are removed
	forget() [][]string               // behind that
	ask() []string                    // how it is
	answer(out string, s *Status)     // what that has printed
}

func (h Host) manager() manager {
	if h.OS == "darwin" {
		return launchd{h}
	}
	return systemd{h}
}

// optional, before a command, says that it may fail.
const optional = "-"

// run runs commands one behind the other.
func (h Host) run(ctx context.Context, commands [][]string) error {
	for _, command := range commands {
		if err := h.try(ctx, command); err != nil {
			return err
		}
	}
	return nil
}

func (h Host) try(ctx context.Context, command []string) error {
	if command[0] == optional {
		_, _ = h.Run(ctx, command[1:])
		return ctx.Err()
	}
	_, err := h.Run(ctx, command)
	return err
}

// AbsentError says that there is no service manager that can be reached.
type AbsentError struct {
	Manager string
	Err     error
}

func (e *AbsentError) Error() string {
	hint := "log in as this user (not by su or sudo), or run 'loginctl enable-linger' and set XDG_RUNTIME_DIR=/run/user/UID; without systemd, let another supervisor run 'sessiond serve'"
	if errors.Is(e.Err, exec.ErrNotFound) {
		hint = "let another supervisor run 'sessiond serve', or none: commands start a daemon by themselves"
	}
	return fmt.Sprintf("%s cannot be reached: %v; %s", e.Manager, e.Err, hint)
}

// Unwrap returns what the manager's command says.
func (e *AbsentError) Unwrap() error { return e.Err }

// reach makes sure that there is a manager.
func (h Host) reach(ctx context.Context) error {
	m := h.manager()
	if _, err := h.Run(ctx, m.probe()); err != nil {
		return &AbsentError{m.name(), err}
	}
	return nil
}

// EndsAtLogout reports whether the manager, and with it what the service has
// started, is ended at the user's last logout.
func (h Host) EndsAtLogout() bool {
	if h.OS != "linux" {
		return false // launchd leaves alone what has left its job's process group
	}
	if _, err := os.Stat("/run/systemd/seats"); err != nil {
		return false // no logind, no logout
	}
	u, err := user.LookupId(strconv.Itoa(h.UID))
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join("/var/lib/systemd/linger", u.Username))
	return errors.Is(err, fs.ErrNotExist)
}
