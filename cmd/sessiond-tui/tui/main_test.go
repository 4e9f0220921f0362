package tui

import (
	"strings"
	"testing"
)

// TestHowTheProgramIsCalled: it says what is wrong with how it was called, before it does anything.
func TestHowTheProgramIsCalled(t *testing.T) {
	t.Parallel()
	for said, args := range map[string][]string{
		"run by 'sessiond tui'": {},
		"it is auto, dark":      {"--socket", "/s", "--theme", "pink", "--", "sessiond"},
		"unknown flag":          {"--pink"},
	} {
		if _, err := parse(args); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%q: %v", args, err)
		}
	}
	c, err := parse([]string{"--socket", "/s", "--theme", "light", "--mouse=true", "--session", "x", "--", "sessiond", "rpc", "health", "--config", "c"})
	if err != nil || c.o.Theme != ThemeLight || !c.o.Mouse || c.o.Session != "x" || strings.Join(c.start, " ") != "sessiond rpc health --config c" {
		t.Errorf("%+v, %v", c, err)
	}
}
