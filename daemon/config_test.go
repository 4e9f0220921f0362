package daemon

import (
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/session"
)

// env makes a Getenv of a map.
func env(m map[string]string) func(string) string {
	return func(key string) string { return m[key] }
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsWinOverEnvironmentOverFile(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "claude = \"from-file\"\nlog_level = \"warn\"\nmax_sessions = 3\nstate_dir = \"/file\"\n")
	c, err := Load(Sources{
		Flags:  map[string]string{"claude": "from-flag"},
		Getenv: env(map[string]string{"SESSIOND_CLAUDE": "from-env", "SESSIOND_LOG_LEVEL": "debug", "SESSIOND_CONFIG": file}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Claude != "from-flag" || c.LogLevel != slog.LevelDebug || c.MaxSessions != 3 || c.StateDir != "/file" {
		t.Fatalf("got %+v", c)
	}
}

func TestEverySettingCanComeFromEverySource(t *testing.T) {
	t.Parallel()
	samples := map[string]string{
		"state_dir": "/s", "socket": "/s.sock", "claude": "/c",
		"log_level": "error", "log_format": "json", "max_sessions": "7",
		"daily_budget_usd": "2.5", "idle_timeout": "45m", "session_timeout": "36h", "max_journal_bytes": "2147483648",
		"max_connections": "1", "max_requests": "2", "max_subscriptions": "3",
		"max_queued_bytes": "4096", "max_request_bytes": "4097", "max_log_bytes": "4098",
		"max_line_bytes": "1048576", "max_pending_bytes": "4100", "max_inbox": "4", "max_inbox_bytes": "4099", "max_queued_sessions": "5",
		"prune_after": "2w", "max_database_bytes": "10000000", "archive_dir": "/a", "profile_dir": "/p",
		"summarize": "20", "summarize_idle": "5m", "summarize_model": "sonnet", "summarize_budget_usd": "0.5", "summarize_timeout": "1m",
		"max_summarizers": "2", "job_attempts": "3", "job_backoff": "10s", "redact_patterns": "sk-[a-z]+",
	}
	var file strings.Builder
	home := map[string]string{"HOME": "/h"}
	environ, flags := maps.Clone(home), map[string]string{}
	for _, s := range Settings() {
		value := samples[s.Key]
		quoted := `"` + value + `"`
		if strings.HasPrefix(s.Key, "max_") || s.Key == "daily_budget_usd" {
			quoted = value
		}
		file.WriteString(s.Key + " = " + quoted + "\n")
		environ[s.Env()] = value
		flags[s.Key] = value
	}
	want := Config{
		StateDir: "/s", Socket: "/s.sock", Claude: "/c", LogLevel: slog.LevelError,
		LogFormat: LogJSON, MaxSessions: 7, DailyBudgetUSD: 2.5, IdleTimeout: 45 * time.Minute, SessionTimeout: 36 * time.Hour, MaxJournalBytes: 2 << 30,
		Bounds: Bounds{1, 2, 3, 4096, 4097, 4100, 4, 4099, 5, 1048576, 4098}, Retention: session.Retention{After: 14 * 24 * time.Hour, MaxBytes: 10_000_000, ArchiveDir: "/a"},
		ProfileDir: "/p", LockDir: "/h/.local/state/sessiond/conversations",
		Summaries: session.Summaries{Auto: true, MinEvents: 20, Idle: 5 * time.Minute, Model: "sonnet", BudgetUSD: 0.5, Timeout: time.Minute, Parallel: 2},
		Jobs:      session.Jobs{Attempts: 3, Backoff: 10 * time.Second}, RedactPatterns: "sk-[a-z]+",
	}
	for name, sources := range map[string]Sources{
		"flags": {Flags: flags, Getenv: env(home)},
		"env":   {Getenv: env(environ)},
		"file":  {File: writeFile(t, file.String()), Getenv: env(home)},
	} {
		got, err := Load(sources)
		if err != nil {
			t.Fatal(name, err)
		}
		if len(got.Origins()) != len(samples) {
			t.Errorf("%s: %d settings have an origin", name, len(got.Origins()))
		}
		got.given, got.origins = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestPathsFollowTheProtocol(t *testing.T) {
	t.Parallel()
	home := map[string]string{"HOME": "/h"}
	with := func(more map[string]string) map[string]string {
		m := maps.Clone(home)
		maps.Copy(m, more)
		return m
	}
	for name, tc := range map[string]struct {
		env             map[string]string
		state, sockPath string
	}{
		"nothing":        {home, "/h/.local/state/sessiond", "/h/.local/state/sessiond/sessiond.sock"},
		"xdg state":      {with(map[string]string{"XDG_STATE_HOME": "/x"}), "/x/sessiond", "/x/sessiond/sessiond.sock"},
		"relative xdg":   {with(map[string]string{"XDG_STATE_HOME": "x"}), "/h/.local/state/sessiond", "/h/.local/state/sessiond/sessiond.sock"},
		"runtime":        {with(map[string]string{"XDG_RUNTIME_DIR": "/r"}), "/h/.local/state/sessiond", "/r/sessiond/sessiond.sock"},
		"explicit state": {with(map[string]string{"XDG_RUNTIME_DIR": "/r", "SESSIOND_STATE_DIR": "/s"}), "/s", "/s/sessiond.sock"},
		"explicit both":  {with(map[string]string{"SESSIOND_SOCKET": "/k", "SESSIOND_STATE_DIR": "/s"}), "/s", "/k"},
		"socket only":    {with(map[string]string{"SESSIOND_SOCKET": "/k"}), "/h/.local/state/sessiond", "/k"},
	} {
		c, err := Load(Sources{Getenv: env(tc.env)})
		if err != nil || c.StateDir != tc.state || c.Socket != tc.sockPath {
			t.Errorf("%s: got %s and %s, %v", name, c.StateDir, c.Socket, err)
		}
	}
}

func TestBadConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file string
		env  map[string]string
		want []string
	}{
		"unknown key":   {"claude = \"c\"\ncolour = 1\n", nil, []string{"config.toml", "line 2", `"colour"`}},
		"unknown table": {"[server]\nport = 1\n", nil, []string{"line 1", `"server`}},
		"wrong type":    {"\nmax_sessions = \"many\"\n", nil, []string{"config.toml: max_sessions", `"many" is not a number`}},
		"a number":      {"prune_after = 30", nil, []string{"config.toml: prune_after", `"30" is not a length of time`}},
		"a list":        {"claude = [1]", nil, []string{"config.toml", "claude must be a text"}},
		"a table":       {"[claude]\npath = 1\n", nil, []string{"config.toml", "claude must be a text"}},
		"bad wish":      {"summarize = \"sometimes\"", nil, []string{"summarize", "sometimes", "off, all"}},
		"bad model":     {"summarize_model = \"a b\"", nil, []string{"summarize_model", "a b"}},
		"no budget":     {"summarize_budget_usd = 0", nil, []string{"summarize_budget_usd", "above 0"}},
		"no time":       {"summarize_timeout = \"0s\"", nil, []string{"summarize_timeout", "from 1s up"}},
		"too many":      {"max_summarizers = 17", nil, []string{"max_summarizers", "from 1 to 16"}},
		"bad pattern":   {"redact_patterns = '''\nok\n(\n'''", nil, []string{"redact_patterns", "line 2", `"("`}},
		"bad size":      {"max_database_bytes = \"much\"", nil, []string{"max_database_bytes", "much"}},
		"negative size": {"max_database_bytes = -1", nil, []string{"max_database_bytes", "-1"}},
		"not toml":      {"= =", nil, []string{"line 1"}},
		"bad level":     {"log_level = \"loud\"", nil, []string{"config.toml: log_level", "loud"}},
		"relative path": {"state_dir = \"here\"", nil, []string{"state_dir", "absolute"}},
		"negative":      {"", map[string]string{"SESSIOND_MAX_SESSIONS": "-1"}, []string{"SESSIOND_MAX_SESSIONS", "-1"}},
		"bad format":    {"", map[string]string{"SESSIOND_LOG_FORMAT": "xml"}, []string{"SESSIOND_LOG_FORMAT", "xml"}},
		"long socket":   {"", map[string]string{"SESSIOND_STATE_DIR": "/" + strings.Repeat("x", 120)}, []string{"SESSIOND_SOCKET"}},
		"no home":       {"", map[string]string{"HOME": ""}, []string{"HOME"}},
	} {
		environ := map[string]string{"HOME": "/h"}
		maps.Copy(environ, tc.env)
		_, err := Load(Sources{File: writeFile(t, tc.file), Getenv: env(environ)})
		var typed *ConfigError
		if !errors.As(err, &typed) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
	}
	_, err := Load(Sources{File: "/does/not/exist.toml", Getenv: env(map[string]string{"HOME": "/h"})})
	if err == nil || !strings.Contains(err.Error(), "/does/not/exist.toml") {
		t.Errorf("a missing file that was named: %v", err)
	}
}

func TestErrorsOfTheFileHaveNoGoWords(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"max_sessions = \"many\"", "max_sessions = 1.5", "claude = 1", "idle_timeout = true", "= =", "claude = \"x", "claude = 1\nclaude = 2"} {
		_, err := Load(Sources{File: writeFile(t, file), Getenv: env(map[string]string{"HOME": "/h"})})
		if err == nil {
			continue // a number for a text
		}
		for _, word := range []string{"struct", "interface", "*int", "daemon.", ": toml:"} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("%q: %v", file, err)
			}
		}
	}
}

func TestParseAge(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30d": 30 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "0": 0, "0d": 0,
		"": -1, "d": -1, "-1d": -1, "-1h": -1, "1.5d": -1, "30": -1, "forever": -1, "9999999999w": -1, "99999w": -1, "2562047h": -1, "30 d": -1,
	} {
		got, err := ParseAge(text)
		if want < 0 && err == nil || want >= 0 && (got != want || err != nil) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestEnvironmentHandsOnWhatWasGiven(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "max_sessions = 2\n")
	c, err := Load(Sources{
		Flags:  map[string]string{"state_dir": "rel"},
		Getenv: env(map[string]string{"HOME": "/h", "SESSIOND_CLAUDE": "./claude"}), File: file,
	})
	if err != nil {
		t.Fatal(err)
	}
	handed := map[string]string{}
	for _, kv := range c.Environment([]string{"HOME=/h", "SESSIOND_CLAUDE=./claude"}) {
		k, v, _ := strings.Cut(kv, "=")
		handed[k] = v // the last one counts, as for a process
	}
	again, err := Load(Sources{Getenv: env(handed)})
	if err != nil {
		t.Fatal(err)
	}
	c.given, again.given, c.origins, again.origins = nil, nil, nil, nil
	if !reflect.DeepEqual(c, again) || !filepath.IsAbs(again.Claude) {
		t.Fatalf("handed on %+v, loaded %+v", c, again)
	}
}

// TestTheJournalsBound must leave room for the longest line.
func TestTheJournalsBound(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int64{"0": 0, "1073741824": 1 << 30, "1073741823": -1, "-1": -1, "1G": -1, "": -1} {
		var c Config
		if err := applyMaxJournal(&c, value); (err == nil) != (want >= 0) || err == nil && c.MaxJournalBytes != want {
			t.Errorf("%q: %d, %v", value, c.MaxJournalBytes, err)
		}
	}
}

// TestDiffering compares what is set here with what a daemon was started with: by
// value, however it is spelt, and what only one of them has by the default.
func TestDiffering(t *testing.T) {
	t.Parallel()
	c, err := Load(Sources{Getenv: env(map[string]string{"SESSIOND_STATE_DIR": "/here", "SESSIOND_SOCKET": "/here/s", "SESSIOND_MAX_SESSIONS": "1",
		"SESSIOND_IDLE_TIMEOUT": "90m", "SESSIOND_CLAUDE": "other", "SESSIOND_LOG_LEVEL": "info"})})
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range []struct {
		name    string
		running map[string]string
		want    []string
	}{
		{"same", c.Settings(), nil},
		{"spelt otherwise", map[string]string{"max_sessions": "01", "idle_timeout": "1h30m", "claude": "other", "state_dir": "/there"}, nil},
		{"without any", map[string]string{}, []string{"claude", "max_sessions", "idle_timeout"}},
		{"another, and one more", map[string]string{"max_sessions": "2", "idle_timeout": "90m", "claude": "other", "max_log_bytes": "123456"}, []string{"max_sessions", "max_log_bytes"}},
		{"what nobody knows", map[string]string{"max_sessions": "1", "idle_timeout": "90m", "claude": "other", "new": "x", "daily_budget_usd": "?"}, []string{"daily_budget_usd"}},
	} {
		if got := c.Differing(each.running); !slices.Equal(got, each.want) {
			t.Errorf("%s: %v, want %v", each.name, got, each.want)
		}
	}
}

// TestPatternsAreShownToNobody: they may quote what they are to hide.
func TestPatternsAreShownToNobody(t *testing.T) {
	t.Parallel()
	load := func(patterns string) Config {
		c, err := Load(Sources{File: writeFile(t, "redact_patterns = '''\n"+patterns+"\n'''\n"), Getenv: env(map[string]string{"HOME": "/h"})})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := load("hunter2\nsk-.+")
	if c.RedactPatterns != "hunter2\nsk-.+\n" {
		t.Errorf("got %q", c.RedactPatterns)
	}
	shown := c.Settings()["redact_patterns"] + c.Origins()[0].Value
	if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "2 lines") {
		t.Errorf("shown as %q", shown)
	}
	if d := c.Differing(load("hunter2\nsk-.+").Settings()); len(d) != 0 {
		t.Errorf("the same differs: %q", d)
	}
	if d := c.Differing(load("hunter3").Settings()); !slices.Equal(d, []string{"redact_patterns"}) {
		t.Errorf("another does not differ: %q", d)
	}
}
