package session

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// The files of a session beside those of its shim. They are the only places
// where secrets lie, and so for the user's eyes alone.
const (
	environmentFile  = "environment.json" // until the process runs
	mcpFile          = "mcp.json"         // until the session is deleted
	systemPromptFile = "system-prompt.txt"
	appendPromptFile = "append-system-prompt.txt"
)

// writePrivate writes a file that only the user can read, whatever the umask.
func writePrivate(file string, content []byte) error {
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return err
	}
	return os.Chmod(file, 0o600)
}

// makeDir makes a session's directory and puts the secrets of its launch there. An
// MCP configuration is on the disk before the session is, for it is kept; the
// environment is for the moment, and not waited for.
func (m *Manager) makeDir(id string, env map[string]string, mcp mcpConfig) error {
	dir := m.sessionDir(id)
	if err := shim.PrivateDir(dir); err != nil {
		return err
	}
	if err := writePrivate(filepath.Join(dir, environmentFile), mustJSON(m.environment(env))); err != nil {
		return err
	}
	if len(mcp.Servers) == 0 {
		return nil
	}
	file := filepath.Join(dir, mcpFile)
	if err := writePrivate(file, mustJSON(mcp)); err != nil {
		return err
	}
	return errors.Join(syncFile(file), syncFile(dir), syncFile(filepath.Dir(dir)))
}

// environment is the whole environment of a session's process, but for what
// names the session: the client's, or where it sent none the daemon's.
func (m *Manager) environment(env map[string]string) []string {
	if env == nil {
		return m.cfg.Environ
	}
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// lookUp finds a variable in an environment.
func lookUp(env []string, name string) (string, bool) {
	for _, pair := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// getenv is os.Getenv for an environment.
func getenv(env []string) func(name string) string {
	return func(name string) string { value, _ := lookUp(env, name); return value }
}

// readEnvironment reads what makeDir has kept.
func readEnvironment(dir string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(dir, environmentFile))
	if err != nil {
		return nil, fmt.Errorf("the session's environment is lost: %w", err)
	}
	var env []string
	if err := json.Unmarshal(b, &env); err != nil {
		return nil, fmt.Errorf("the session's environment is damaged: %w", err)
	}
	return env, nil
}

func removeEnvironment(dir string) {
	_ = os.Remove(filepath.Join(dir, environmentFile)) // it may be gone already
}

// inheritMCP reads the MCP configuration of a session that had these servers. One
// that is lost, as behind a backup that was restored elsewhere, is not taken for none.
func (m *Manager) inheritMCP(ses *api.Session, servers []string) (mcpConfig, error) {
	b, err := os.ReadFile(filepath.Join(m.sessionDir(ses.ID), mcpFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return mcpConfig{}, fmt.Errorf("MCP configuration of session %s: %w", ses.ID, err)
	}
	c, damaged := parseMCP(b)
	var state string
	switch {
	case err != nil && len(servers) > 0:
		state = "lost"
	case damaged != nil || len(servers) > 0 && !slices.Equal(c.names(), servers):
		state = "damaged"
	default:
		return c, nil
	}
	names := cmp.Or(strings.Join(servers, ", "), "not known")
	return mcpConfig{}, api.InvalidState(ses.Status, "give it again (mcp_config, --mcp-config), or {} to go on without MCP servers",
		"the MCP configuration of session %s is %s; its servers were: %s", ses.ID, state, names).With("session_id", ses.ID)
}

// sessionVariable holds a session's id in the environment of its process, and so
// of everything that it starts.
const sessionVariable = "SESSIOND_SESSION_ID"

// Within returns the id of the session in which a process with this environment
// runs; "" if it runs in none.
func Within(env []string) string {
	id, _ := lookUp(env, sessionVariable)
	return id
}

// sessionVariables name a session to its process and its MCP servers.
func sessionVariables(ses *api.Session) map[string]string {
	return map[string]string{sessionVariable: ses.ID, "SESSIOND_RUN_ID": ses.RunID}
}

// nameSession returns an environment that names a session, and no other: who
// launches it may run in a session itself.
func nameSession(env []string, ses *api.Session) []string {
	names := sessionVariables(ses)
	named := make([]string, 0, len(env)+len(names))
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if _, ours := names[name]; !ours {
			named = append(named, pair)
		}
	}
	for name, value := range names {
		named = append(named, name+"="+value)
	}
	return named
}
