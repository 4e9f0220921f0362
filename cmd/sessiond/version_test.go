package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// fakeDaemon answers every request on a socket of its own with one result; it
// returns the state directory that makes commands find it.
func fakeDaemon(t *testing.T, answer string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // short, because of the socket in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "sessiond.sock"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewScanner(c)
			for in.Scan() {
				var r struct {
					ID json.RawMessage `json:"id"`
				}
				_ = json.Unmarshal(in.Bytes(), &r)
				_, _ = fmt.Fprintf(c, "{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\n", r.ID, answer)
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return dir
}

// TestDifferentVersionsAreTold has a daemon of another version than the command
// line: one line on standard error says so, and how to upgrade.
func TestDifferentVersionsAreTold(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		version  string
		protocol int
		want     []string // on standard error; nil: nothing
	}{
		{version(), api.ProtocolVersion, nil},
		{"v9.9.9", api.ProtocolVersion, []string{"v9.9.9", version(), "sessiond stop", "sessions go on"}},
		{version(), api.ProtocolVersion + 1, []string{"different versions of the protocol", "sessiond stop"}},
	} {
		health := fmt.Sprintf(`"result":{"status":"ok","version":%q,"protocol_version":%d,"pid":77,"claude":{},"sessions":{}}`, tc.version, tc.protocol)
		dir := fakeDaemon(t, health)
		for _, command := range []string{"status", "version", "status --json"} {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(command), strings.NewReader(""), &stdout, &stderr, []string{"SESSIOND_STATE_DIR=" + dir})
			if code != 0 || !strings.Contains(stdout.String(), tc.version) {
				t.Errorf("%s: exit code %d, %s", command, code, &stdout)
			}
			if lines := strings.Count(stderr.String(), "\n"); lines != min(1, len(tc.want)) {
				t.Errorf("%s: %d lines: %s", command, lines, &stderr)
			}
			for _, want := range tc.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("%s: %q does not say %q", command, &stderr, want)
				}
			}
		}
	}
}

// TestAnOlderDaemonIsGuessed has a daemon that does not know a command's method.
func TestAnOlderDaemonIsGuessed(t *testing.T) {
	t.Parallel()
	dir := fakeDaemon(t, `"error":{"code":-32601,"message":"there is no method","data":{"reason":"method_not_found"}}`)
	var stderr bytes.Buffer
	run(t.Context(), []string{"status"}, strings.NewReader(""), &bytes.Buffer{}, &stderr, []string{"SESSIOND_STATE_DIR=" + dir})
	if text := stderr.String(); !strings.Contains(text, "may be older") || !strings.Contains(text, "sessiond stop") {
		t.Errorf("said %q", text)
	}
}

// TestSource: what was stamped counts, else what the go command has noted. `make
// dist-check` looks at what real builds say.
func TestSource(t *testing.T) {
	t.Parallel()
	noted := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "c0ffee"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}}}
	for _, tc := range []struct {
		commit, date         string
		info                 *debug.BuildInfo
		wantCommit, wantDate string
	}{
		{"", "", noted, "c0ffee", "2026-01-02T03:04:05Z"},
		{"abc", "today", noted, "abc", "today"},
		{"", "", &debug.BuildInfo{}, "", ""},
		{"", "", nil, "", ""},
	} {
		if commit, date := sourceOf(tc.commit, tc.date, tc.info); commit != tc.wantCommit || date != tc.wantDate {
			t.Errorf("%+v: %q of %q", tc, commit, date)
		}
	}
}
