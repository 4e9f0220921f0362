package api

import (
	"strings"
	"testing"
)

// TestAnEmptyEnvironmentIsNotNone: absent, a session gets the daemon's own, with
// the keys in it. Who asks for an empty one gets that.
func TestAnEmptyEnvironmentIsNotNone(t *testing.T) {
	t.Parallel()
	for sent, env := range map[string]map[string]string{`"env":{}`: {}, "": nil} {
		for _, p := range []any{LaunchSessionParams{Env: env}, ContinueSessionParams{Env: env}} {
			b, err := Marshal(p)
			if err != nil || !strings.Contains(string(b), sent) || (env == nil) == strings.Contains(string(b), `"env"`) {
				t.Errorf("%T with %#v is sent as %s, %v", p, env, b, err)
			}
		}
	}
}
