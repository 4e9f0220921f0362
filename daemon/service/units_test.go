package service

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func exampleSpec() Spec {
	return Spec{Executable: "/opt/a b/sessiond", Socket: "/run/user/7/sessiond/sessiond.sock", RuntimeDir: "/run/user/7",
		Environment: []string{"PATH=/usr/bin:/bin", `SESSIOND_CLAUDE=/x/"100%" $HOME\claude`}, Log: "/home/u/log"}
}

// TestUnits: what the units have to say so that sessions outlive the daemon.
func TestUnits(t *testing.T) {
	t.Parallel()
	units := Units(exampleSpec())
	for unit, lines := range map[string][]string{
		ServiceUnit: {"Type=notify", "KillMode=process", "OOMPolicy=continue", "TasksMax=infinity", "TimeoutStartSec=infinity", "Requires=sessiond.socket",
			`ExecStart="/opt/a b/sessiond" serve`, `Environment="SESSIOND_CLAUDE=/x/\"100%%\" $HOME\\claude"`, "RestartPreventExitStatus=7"},
		SocketUnit: {"ListenStream=%t/sessiond/sessiond.sock", "SocketMode=0600", "DirectoryMode=0700",
			`ExecStartPre="/opt/a b/sessiond" stop`, `Environment="PATH=/usr/bin:/bin"`, "WantedBy=sockets.target"},
	} {
		for _, line := range lines {
			if !strings.Contains(units[unit], "\n"+line+"\n") {
				t.Errorf("%s has no line %s:\n%s", unit, line, units[unit])
			}
		}
	}
}

// TestPackageUnits name no user.
func TestPackageUnits(t *testing.T) {
	t.Parallel()
	units := PackageUnits("/usr/bin/sessiond")
	for unit, line := range map[string]string{
		SocketUnit:  "ListenStream=%t/sessiond/sessiond.sock",
		ServiceUnit: `Environment="PATH=%h/.local/bin:/usr/local/bin:/usr/bin:/bin"`,
	} {
		if !strings.Contains(units[unit], "\n"+line+"\n") || strings.Contains(units[unit], "/home") {
			t.Errorf("%s has no line %s:\n%s", unit, line, units[unit])
		}
	}
	if s := parseUnits(units[SocketUnit], units[ServiceUnit], "/run/user/7"); s.Executable != "/usr/bin/sessiond" || s.Socket != "/run/user/7/sessiond/sessiond.sock" {
		t.Errorf("they say %+v", s)
	}
}

// TestSystemdTakesTheUnits asks systemd itself, where it is there.
func TestSystemdTakesTheUnits(t *testing.T) {
	t.Parallel()
	for what, units := range map[string]func(program string) map[string]string{
		"own": func(program string) map[string]string {
			s := exampleSpec()
			s.Executable = program
			return Units(s)
		},
		"package": PackageUnits,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			verify(t, units("/bin/sh")) // the program is looked for
		})
	}
}

func verify(t *testing.T, units map[string]string) {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze on this machine")
	}
	dir := t.TempDir()
	paths := []string{}
	for name, content := range units {
		path := filepath.Join(dir, name)
		paths = append(paths, path)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(analyze, append([]string{"--user", "--man=no", "verify"}, paths...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir}
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "sessiond") { // and not what else lies on this machine
			t.Errorf("%v: %s", err, line)
		}
	}
}

// TestFilesAreReadAsWritten: whatever a specification says is found in the files.
func TestFilesAreReadAsWritten(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`[ -~äé€]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		s := Spec{
			Executable: "/x/" + strings.ReplaceAll(text.Draw(t, "program"), `"`, "'"),
			Socket:     "/r" + text.Draw(t, "dir") + "/" + strings.TrimSpace(text.Draw(t, "socket")) + "s", RuntimeDir: "/r", Log: "/l" + text.Draw(t, "log"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "variables") {
			s.Environment = append(s.Environment, "N="+text.Draw(t, "value"))
		}
		if err := s.check(); err != nil {
			t.Fatalf("refused: %v", err)
		}
		units := Units(s)
		got := parseUnits(units[SocketUnit], units[ServiceUnit], s.RuntimeDir)
		if got.Executable != s.Executable || filepath.Clean(got.Socket) != filepath.Clean(s.Socket) || !slices.Equal(got.Environment, s.Environment) {
			t.Fatalf("units of %+v say %+v:\n%s", s, got, units)
		}
		agent := Agent(s)
		got = parseAgent(agent)
		if got.Executable != s.Executable || got.Log != s.Log || !slices.Equal(got.Environment, s.Environment) {
			t.Fatalf("agent of %+v says %+v:\n%s", s, got, agent)
		}
	})
}

// TestAgent: the property list is well-formed, and says what keeps sessions alive.
func TestAgent(t *testing.T) {
	t.Parallel()
	content := stamped(Agent(exampleSpec()), "<!-- ", " -->")
	d := xml.NewDecoder(strings.NewReader(content))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, content)
		}
	}
	for _, want := range []string{"<key>AbandonProcessGroup</key>\n\t<true/>", "<key>RunAtLoad</key>\n\t<true/>", "<string>/opt/a b/sessiond</string>\n\t\t<string>serve</string>"} {
		if !strings.Contains(content, want) {
			t.Errorf("no %s in\n%s", want, content)
		}
	}
	known := []string{ // launchd.plist(5) has these; of others launchd says nothing, and does nothing
		"Label", "ProgramArguments", "EnvironmentVariables", "RunAtLoad", "KeepAlive", "SuccessfulExit", "AbandonProcessGroup", "ProcessType", "StandardErrorPath"}
	for _, key := range regexp.MustCompile("<key>([^<]*)</key>").FindAllStringSubmatch(Agent(Spec{Executable: "/x/sessiond", Log: "/x/log"}), -1) {
		if !slices.Contains(known, key[1]) {
			t.Errorf("launchd knows no %s", key[1])
		}
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return // the rest is a second opinion
	}
	cmd := exec.Command(python, "-c", "import plistlib,sys; d=plistlib.loads(sys.stdin.buffer.read()); print(d['Label'], d['KeepAlive']['SuccessfulExit'], d['EnvironmentVariables']['SESSIOND_CLAUDE'])")
	cmd.Stdin = strings.NewReader(content)
	out, err := cmd.CombinedOutput()
	if want := Label + ` False /x/"100%" $HOME\claude` + "\n"; err != nil || string(out) != want {
		t.Errorf("python reads %q, %v; want %q", out, err, want)
	}
}

func TestWhatNoUnitCanHoldIsRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Spec){
		"path of the program is not absolute": func(s *Spec) { s.Executable = "sessiond" },
		"path of the socket is not absolute":  func(s *Spec) { s.Socket = "" },
		`"SESSIOND_CLAUDE" has a control`:     func(s *Spec) { s.Environment = []string{"SESSIOND_CLAUDE=/x\nExecStart=/bin/evil"} },
		"begin or end with a space":           func(s *Spec) { s.Socket = "/x/s " },
		"control character or is no UTF-8":    func(s *Spec) { s.Executable = "/x/\xff" },
	} {
		s := exampleSpec()
		change(&s)
		if err := s.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("said %v, want %s", err, want)
		}
	}
}
