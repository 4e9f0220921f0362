package service

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeHost has a home of its own, and a manager that takes every command and
// answers with what says has for its words.
func fakeHost(t *testing.T, system string, says map[string]string) (Host, *[]string) {
	t.Helper()
	home, ran := t.TempDir(), &[]string{}
	return Host{OS: system, UID: 7, Home: home, ConfigHome: filepath.Join(home, ".config"), RuntimeDir: "/run/user/7",
		SystemDirs: []string{filepath.Join(home, "etc")},
		Run: func(_ context.Context, command []string) (string, error) {
			line := strings.Join(command, " ")
			*ran = append(*ran, line)
			for words, answer := range says {
				if strings.Contains(line, words) {
					if strings.HasPrefix(answer, "error: ") {
						return "", errors.New(answer)
					}
					return answer, nil
				}
			}
			return "", nil
		}}, ran
}

func install(t *testing.T, h Host, s Spec, force bool) Plan {
	t.Helper()
	p, err := h.PlanInstall(s, force)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestInstall: at first all is written and started, then nothing is changed, a new
// specification is taken up, and what was changed by hand is not touched.
func TestInstall(t *testing.T) {
	t.Parallel()
	for system, want := range map[string]struct{ files, first, again, last string }{
		"linux": {"sessiond.socket sessiond.service", "systemctl --user restart sessiond.socket sessiond.service",
			"systemctl --user start sessiond.socket sessiond.service", "systemctl --user daemon-reload"},
		"darwin": {"com.github.sessiond.plist", "launchctl bootstrap gui/7 ", "launchctl kickstart gui/7/com.github.sessiond", "launchctl bootout gui/7/com.github.sessiond"},
	} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			h, ran := fakeHost(t, system, nil)
			s := exampleSpec()
			if in, err := h.Installed(); err != nil || in.Condition != Absent {
				t.Fatalf("%+v, %v", in, err)
			}
			p := install(t, h, s, false)
			if len(p.Write) != len(strings.Fields(want.files)) || !ranLast(*ran, want.first) {
				t.Errorf("at first: %d files, %q", len(p.Write), *ran)
			}
			in, err := h.Installed()
			if err != nil || in.Condition != Ours || in.Stale || !in.Own || in.Spec.Executable != s.Executable {
				t.Errorf("installed: %+v, %v", in, err)
			}
			p = install(t, h, s, false)
			if len(p.Write) != 0 || len(p.Same) == 0 || !ranLast(*ran, want.again) {
				t.Errorf("again: %+v, %q", p, *ran)
			}
			s.Executable = "/elsewhere/sessiond"
			if p = install(t, h, s, false); len(p.Write) == 0 {
				t.Error("a new program changes nothing")
			}

			path := p.Write[len(p.Write)-1].Path
			mine := strings.Replace(p.Write[len(p.Write)-1].Content, "/elsewhere/", "/my/", 1)
			writeFile(t, path, mine)
			var changed *ChangedError
			if _, err := h.PlanInstall(s, false); !errors.As(err, &changed) || changed.Paths[0] != path || !strings.Contains(err.Error(), "--force") {
				t.Errorf("changed by hand: %v", err)
			}
			if _, err := h.PlanUninstall(false); !errors.As(err, &changed) {
				t.Errorf("to be removed: %v", err)
			}
			if in, _ := h.Installed(); in.Condition != Changed || in.Stale {
				t.Errorf("installed: %+v", in)
			}
			if b, _ := os.ReadFile(path); string(b) != mine {
				t.Errorf("it was overwritten:\n%s", b)
			}
			install(t, h, s, true)
			if in, _ := h.Installed(); in.Condition != Ours {
				t.Errorf("by force: %+v", in)
			}

			p, err = h.PlanUninstall(false)
			if err != nil || len(p.Remove) != len(strings.Fields(want.files)) {
				t.Fatalf("uninstall: %+v, %v", p, err)
			}
			if err := p.Do(t.Context()); err != nil || !ranLast(*ran, want.last) {
				t.Errorf("uninstall: %v, %q", err, *ran)
			}
			if in, err := h.Installed(); err != nil || in.Condition != Absent {
				t.Errorf("behind: %+v, %v", in, err)
			}
			before := len(*ran)
			if p, err = h.PlanUninstall(false); err != nil || p.Do(t.Context()) != nil || len(*ran) != before {
				t.Errorf("once more: %+v, %v, %q", p, err, *ran)
			}
		})
	}
}

func ranLast(ran []string, want string) bool {
	return len(ran) > 0 && strings.HasPrefix(ran[len(ran)-1], want)
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWithoutAManagerNothingIsWritten, and the error says what to do.
func TestWithoutAManagerNothingIsWritten(t *testing.T) {
	t.Parallel()
	for want, failure := range map[string]error{
		"loginctl enable-linger": errors.New("Failed to connect to bus: No medium found"),
		"another supervisor":     &exec.Error{Name: "systemctl", Err: exec.ErrNotFound},
	} {
		h, _ := fakeHost(t, "linux", nil)
		h.Run = func(context.Context, []string) (string, error) { return "", failure }
		p, err := h.PlanInstall(exampleSpec(), false)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Do(t.Context())
		var absent *AbsentError
		if !errors.As(err, &absent) || !errors.Is(err, failure) || !strings.Contains(err.Error(), want) {
			t.Errorf("said %v", err)
		}
		if _, err := os.Stat(h.ConfigHome); err == nil {
			t.Error("something was written")
		}
	}
}

// TestWithoutAHome there is no service, and the working directory is not taken for one.
func TestWithoutAHome(t *testing.T) {
	t.Parallel()
	h := Here([]string{"PATH=/bin"})
	if in, err := h.Installed(); err != nil || in.Condition != Absent || in.Files != nil {
		t.Errorf("%+v, %v", in, err)
	}
	if _, err := h.PlanInstall(exampleSpec(), false); err == nil || !strings.Contains(err.Error(), "HOME is not set") {
		t.Errorf("install: %v", err)
	}
	if p, err := h.PlanUninstall(false); err != nil || len(p.Remove)+len(p.Commands) > 0 {
		t.Errorf("uninstall: %+v, %v", p, err)
	}
}

// TestOlderFilesAreStale: files that are as an older version has written them are
// known as such, and brought up to date without force.
func TestOlderFilesAreStale(t *testing.T) {
	t.Parallel()
	h, _ := fakeHost(t, "linux", nil)
	for _, f := range h.manager().files(exampleSpec()) {
		old := strings.ReplaceAll(f.Content[:strings.LastIndex(f.Content, "# ")], "Description=", "Description=Old ")
		writeFile(t, f.Path, stamped(old, "# ", ""))
	}
	in, err := h.Installed()
	if err != nil || !in.Stale || in.Condition != Ours {
		t.Fatalf("%+v, %v", in, err)
	}
	install(t, h, exampleSpec(), false)
	if in, err = h.Installed(); err != nil || in.Stale {
		t.Errorf("behind: %+v, %v", in, err)
	}
}

// TestUnitsOfAPackage count once they are enabled, for this user or for all.
func TestUnitsOfAPackage(t *testing.T) {
	t.Parallel()
	h, _ := fakeHost(t, "linux", nil)
	s := exampleSpec()
	for name, content := range Units(s) {
		writeFile(t, filepath.Join(h.SystemDirs[0], name), content)
	}
	in, err := h.Installed()
	if err != nil || in.Own || in.Condition != Ours || in.Serves(s.Socket, "") {
		t.Errorf("not enabled: %+v, %v", in, err)
	}
	writeFile(t, filepath.Join(h.SystemDirs[0], "sockets.target.wants", SocketUnit), "")
	if in, err = h.Installed(); err != nil || !in.Serves(s.Socket, "") || in.Serves("/other", "") {
		t.Errorf("enabled: %+v, %v", in, err)
	}
	if p, err := h.PlanUninstall(false); err != nil || len(p.Remove) != 0 {
		t.Errorf("a package's units would be removed: %+v, %v", p, err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	h, _ := fakeHost(t, "linux", map[string]string{"Id,": `MainPID=77
Result=success
Id=sessiond.service
ActiveState=active
SubState=running
StatusText=2 running
UnitFileState=enabled
NeedDaemonReload=no

Result=service-start-limit-hit
Id=sessiond.socket
ActiveState=failed
UnitFileState=enabled
NeedDaemonReload=yes
`})
	want := Status{Enabled: true, Socket: "failed (service-start-limit-hit)", Daemon: "active", PID: 77, Says: "2 running", Reload: true}
	if got, err := h.Status(t.Context()); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	mac, _ := fakeHost(t, "darwin", map[string]string{"print gui/7/": "gui/7/com.github.sessiond = {\n\tactive count = 1\n\tstate = running\n\tpid = 78\n\tx = {\n\t\tstate = active\n\t}\n}\n"})
	if got, err := mac.Status(t.Context()); err != nil || (got != Status{Enabled: true, Daemon: "running", PID: 78}) {
		t.Errorf("got %+v, %v", got, err)
	}
	none, _ := fakeHost(t, "darwin", map[string]string{"print gui/7/": "error: not there"})
	if got, err := none.Status(t.Context()); err != nil || (got != Status{Daemon: "not loaded"}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
