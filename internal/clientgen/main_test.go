package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClientsAreFresh(t *testing.T) {
	t.Parallel()
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range generated {
		have, err := os.ReadFile(filepath.Join("../..", g.path))
		if err != nil {
			t.Fatal(err)
		}
		if want := g.make(doc); want != string(have) {
			t.Errorf("%s is stale: run `go generate ./internal/clientgen`\n%s", g.path, cmp.Diff(string(have), want))
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if got := snake("getSessionState"); got != "get_session_state" {
		t.Error(got)
	}
	if got := camel("session_status_changed"); got != "SessionStatusChanged" {
		t.Error(got)
	}
	if got := sentence("how it is"); got != "How it is." {
		t.Error(got)
	}
}
