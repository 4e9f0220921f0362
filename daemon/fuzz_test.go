package daemon

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzConfigFile loads a configuration file that may hold anything: it is taken,
// or refused with an error that names the file.
func FuzzConfigFile(f *testing.F) {
	f.Add([]byte("log_level = \"debug\"\nmax_sessions = 3\ndaily_budget_usd = 1.5\nidle_timeout = \"45m\"\n"))
	f.Add([]byte("state_dir = \"/tmp/x\"\nsocket = \"relative\"\n"))
	f.Add([]byte("max_journal_bytes = \"1GiB\"\nprune_after = \"90d\"\n"))
	f.Add([]byte("max_sessions = 99999999999999999999\n"))
	f.Add([]byte("[table]\nx = [1, {y = 2020-01-01}]\n"))
	for _, s := range settings {
		f.Add([]byte(s.Key + " = \"-1\"\n" + s.Key + " = 1e400"))
		f.Add([]byte(s.Key + " = 1.5"))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		file := filepath.Join(dir, "config.toml")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"HOME": dir}
		c, err := Load(Sources{File: file, Getenv: func(name string) string { return env[name] }})
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		if !filepath.IsAbs(c.StateDir) || !filepath.IsAbs(c.Socket) || c.MaxSessions < 0 || c.IdleTimeout < 0 || !(c.DailyBudgetUSD >= 0) || c.MaxJournalBytes < 0 {
			t.Fatalf("%q gives %+v", content, c)
		}
		for _, o := range c.Origins() { // what was taken is taken again where it is handed on
			for _, s := range settings {
				if again := new(Config); s.Key == o.Key && s.apply(again, o.Value) != nil {
					t.Fatalf("%s = %q was taken, and is refused now", o.Key, o.Value)
				}
			}
		}
	})
}
