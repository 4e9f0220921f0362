package daemon

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
)

// defaultPaths fills in the paths that nothing has set. The socket of a state
// directory that was set explicitly lies in it, so that the one setting keeps
// two daemons apart.
func (c *Config) defaultPaths(getenv func(string) string) error {
	explicit := c.StateDir != ""
	usual, err := xdgDir(getenv, "XDG_STATE_HOME", ".local/state")
	switch {
	case err == nil:
		c.LockDir = filepath.Join(usual, "conversations")
	case explicit: // without a home there are no other daemons' sessions to mind
		c.LockDir = filepath.Join(c.StateDir, "conversations")
	default:
		return &ConfigError{"state directory", err}
	}
	if !explicit {
		c.StateDir = usual
	}
	if c.Socket != "" {
		return nil
	}
	c.Socket = filepath.Join(c.StateDir, socketName)
	if run := getenv("XDG_RUNTIME_DIR"); !explicit && filepath.IsAbs(run) {
		c.Socket = filepath.Join(run, "sessiond", socketName)
		c.privateSocketDir = true
	}
	return nil
}

const socketName = "sessiond.sock"

// xdgDir returns sessiond's directory below the XDG base directory that the
// variable names, or below its default in the user's home. The XDG
// specification has relative values ignored.
func xdgDir(getenv func(string) string, variable, fallback string) (string, error) {
	if base := getenv(variable); filepath.IsAbs(base) {
		return filepath.Join(base, "sessiond"), nil
	}
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("HOME is not set: set it, or SESSIOND_STATE_DIR")
	}
	return filepath.Join(home, fallback, "sessiond"), nil
}

// checkSocketPath refuses a path that does not fit into a socket address.
func checkSocketPath(path string) error {
	limit := maxSocketPath()
	if len(path) <= limit {
		return nil
	}
	return &ConfigError{"socket", fmt.Errorf("%s has %d bytes, and the path of a Unix socket at most %d: set SESSIOND_SOCKET to a shorter one",
		path, len(path), limit)}
}

// maxSocketPath is how long the path of a socket can be.
func maxSocketPath() int {
	if runtime.GOOS == "linux" {
		return 107 // sun_path without the final zero
	}
	return 103
}
