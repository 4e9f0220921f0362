package session

import (
	"context"
	"strings"

	"github.com/sessiond/sessiond/session/claude"
)

// Claude is the claude that new sessions get.
type Claude struct {
	Path    string
	Version string
	Tested  bool   // this version lies in the range that was tested
	Range   string // that range, for people
}

// ProbeClaude finds the claude that a session with this environment would get,
// and asks it for its version. An error says what to do.
func ProbeClaude(ctx context.Context, configured string, env []string) (Claude, error) {
	c := Claude{Range: strings.Join(claude.TestedVersions, " to ")}
	path, _ := lookUp(env, "PATH")
	var err error
	if c.Path, err = claude.Find(configured, path); err != nil {
		return c, err
	}
	var prober claude.Prober
	version, err := prober.Version(ctx, c.Path, env)
	c.Version, c.Tested = string(version), version.Tested()
	return c, err
}

// InstallHint says how to get a claude.
const InstallHint = claude.InstallHint
