package main

import (
	"strings"
	"testing"
)

// TestPromptMustBeText refuses what would reach Claude Code altered.
func TestPromptMustBeText(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{"fix it": true, "ünïcødé": true, "a\xffb": false, " \n": false} {
		a := &app{stdin: strings.NewReader(text)}
		if _, err := a.prompt([]string{"-"}); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
