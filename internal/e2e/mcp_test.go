package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
)

// mcpOf is where a session's MCP configuration lies.
func (w *world) mcpOf(id string) string {
	return filepath.Join(w.cfg.StateDir, "sessions", id, "mcp.json")
}

// TestLostMCPConfiguration: what goes on from a session whose MCP configuration is
// gone, or damaged, does not go on without it silently.
func TestLostMCPConfiguration(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	for state, harm := range map[string]func(file string) error{
		"lost":    os.Remove,
		"damaged": func(file string) error { return os.Truncate(file, 20) },
	} {
		parent := w.launch(fullLaunch(w))
		w.until(parent, final...)
		if err := harm(w.mcpOf(parent)); err != nil {
			t.Fatal(err)
		}
		for _, fork := range []bool{false, true} {
			_, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent, Query: api.Text("report"), Fork: fork})
			refused := new(api.Error)
			if !errors.As(err, &refused) || refused.Reason != api.ReasonInvalidState || refused.Data["hint"] == nil ||
				!strings.Contains(err.Error(), parent+" is "+state+"; its servers were: files, web") {
				t.Errorf("%s, fork %v: %v", state, fork, err)
			}
		}
		none := api.LaunchOptions{MCPConfig: []byte(`{}`)}
		result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent, Query: api.Text("report"), LaunchOptions: none})
		if err != nil {
			t.Fatal(err)
		}
		w.until(result.SessionID, final...)
		result, err = w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: result.SessionID, Query: api.Text("report")})
		if err != nil { // it was launched without any
			t.Errorf("%s: %v", state, err)
		}
		w.until(result.SessionID, final...)
	}
}

// TestFilesLostBeforeTheStart: a session whose MCP configuration or environment is
// gone before its process is started is not started without it.
func TestFilesLostBeforeTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.MaxSessions = 1
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	w.start()
	gate := filepath.Join(t.TempDir(), "gate")
	w.launch(w.prompt("wait: " + gate)) // has the only slot
	noServers, noEnvironment := w.launch(fullLaunch(w)), w.launch(fullLaunch(w))
	environment := filepath.Join(filepath.Dir(w.mcpOf(noEnvironment)), "environment.json")
	if err := errors.Join(os.Remove(w.mcpOf(noServers)), os.Truncate(environment, 0), os.WriteFile(gate, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{noServers: "MCP configuration (servers files, web) is lost", noEnvironment: "environment is damaged"} {
		if ses := w.until(id, final...); ses.Status != api.StatusFailed || !strings.Contains(ses.ErrorMessage, want) {
			t.Errorf("%s: %s", ses.Status, ses.ErrorMessage)
		}
	}
}
