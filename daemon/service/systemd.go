package service

import (
	"fmt"
	"path/filepath"
	"strings"
)

// The units of systemd.
const (
	SocketUnit  = "sessiond.socket"
	ServiceUnit = "sessiond.service"
)

// Units returns the contents of the two units, without a stamp, as a package brings
// them: by name.
func Units(s Spec) map[string]string {
	environment := ""
	for _, pair := range s.Environment {
		environment += "Environment=" + quoteUnit(pair) + "\n"
	}
	program := quoteUnit(strings.ReplaceAll(s.Executable, "$", "$$"))
	return map[string]string{
		SocketUnit: fmt.Sprintf(`[Unit]
Description=Socket of sessiond, which runs Claude Code sessions
Documentation=man:sessiond-service(1)

[Socket]
%s# A daemon that a command has started makes way; its sessions go on.
ExecStartPre=%s stop
ListenStream=%s
SocketMode=0600
DirectoryMode=0700

[Install]
WantedBy=sockets.target
`, environment, program, s.unitSocket()),
		ServiceUnit: fmt.Sprintf(`[Unit]
Description=sessiond, which runs Claude Code sessions
Documentation=man:sessiond-serve(1)
Requires=%s
After=%s

[Service]
Type=notify
%sExecStart=%s serve
# Sessions outlive the daemon: only its own process is ended, and one of theirs
# that the kernel ends for want of memory is no reason to.
KillMode=process
OOMPolicy=continue
# The bound that a unit has by default would be that of all sessions together.
TasksMax=infinity
Restart=on-failure
# Another daemon in the place does not go away by itself. (2, wrong settings, is what
# a crash ends with, too.)
RestartPreventExitStatus=7
# To bring a large database to a new version takes its time.
TimeoutStartSec=infinity
WatchdogSec=5min

[Install]
WantedBy=default.target
`, SocketUnit, SocketUnit, environment, program),
	}
}

// PackageUnits returns the units that a package brings, for whichever user enables
// them: without settings, and with the PATH on which Claude Code's own installer, and
// the system, put programs.
func PackageUnits(executable string) map[string]string {
	const home = "/home/of/whoever/enables/it"
	units := Units(Spec{Executable: executable, Socket: "/run/user/sessiond/sessiond.sock", RuntimeDir: "/run/user",
		Environment: []string{"PATH=" + home + "/.local/bin:/usr/local/bin:/usr/bin:/bin"}})
	for name, content := range units {
		units[name] = strings.ReplaceAll(content, home, "%h")
	}
	return units
}

// unitSocket is the socket's path in a unit. The runtime directory has a name there.
func (s Spec) unitSocket() string {
	escaped := strings.ReplaceAll(s.Socket, "%", "%%")
	if s.RuntimeDir == "" {
		return escaped
	}
	if rest, ok := strings.CutPrefix(s.Socket, strings.TrimSuffix(s.RuntimeDir, "/")+"/"); ok {
		return "%t/" + strings.ReplaceAll(rest, "%", "%%")
	}
	return escaped
}

// parseUnits reads out of the two units what Units has put in.
func parseUnits(socket, service, runtimeDir string) Spec {
	s := Spec{RuntimeDir: runtimeDir}
	for line := range strings.Lines(socket) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "ListenStream="); ok {
			s.Socket = expand(value, runtimeDir)
		}
	}
	for line := range strings.Lines(service) {
		line = strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(line, "Environment="); ok {
			s.Environment = append(s.Environment, unquoteUnit(value))
		}
		if value, ok := strings.CutPrefix(line, "ExecStart="); ok {
			s.Executable = strings.ReplaceAll(unquoteUnit(value), "$$", "$")
		}
	}
	return s
}

// expand puts back what unitSocket has escaped.
func expand(path, runtimeDir string) string {
	if rest, ok := strings.CutPrefix(path, "%t/"); ok {
		path = filepath.Join(runtimeDir, rest)
		if runtimeDir == "" {
			return "" // a unit that is read where there is no such directory
		}
	}
	return strings.ReplaceAll(path, "%%", "%")
}

// quoteUnit writes a text as one word of a unit.
func quoteUnit(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(text) + `"`
}

// unquoteUnit reads the first word of a line.
func unquoteUnit(line string) string {
	if !strings.HasPrefix(line, `"`) {
		word, _, _ := strings.Cut(line, " ")
		return strings.ReplaceAll(word, "%%", "%")
	}
	var word strings.Builder
	for i := 1; i < len(line) && line[i] != '"'; i++ {
		if line[i] == '\\' && i+1 < len(line) {
			i++
		}
		word.WriteByte(line[i])
	}
	return strings.ReplaceAll(word.String(), "%%", "%")
}

// systemd is the user's own manager.
type systemd struct{ host Host }

func (m systemd) name() string { return "the systemd user manager" }

// files are the units, in the order in which they are written.
func (m systemd) files(s Spec) []File {
	units := Units(s)
	var files []File
	for _, name := range []string{SocketUnit, ServiceUnit} {
		files = append(files, File{filepath.Join(m.dir(), name), stamped(units[name], "# ", "")})
	}
	return files
}

// dir is where the user's own units lie.
func (m systemd) dir() string { return filepath.Join(m.host.ConfigHome, "systemd", "user") }

// places are where units are looked for, in the manager's order.
func (m systemd) places() []string { return append([]string{m.dir()}, m.host.SystemDirs...) }

func (m systemd) parse(contents []string) Spec {
	return parseUnits(contents[0], contents[1], m.host.RuntimeDir)
}

func (m systemd) probe() []string {
	return []string{"systemctl", "--user", "show", "--property=Version"}
}

func (m systemd) activate(changed bool) [][]string {
	verb := "start" // what runs already as it should stays as it is
	if changed {
		verb = "restart"
	}
	return [][]string{
		{"systemctl", "--user", "daemon-reload"},
		{"systemctl", "--user", "enable", SocketUnit, ServiceUnit},
		{"systemctl", "--user", verb, SocketUnit, ServiceUnit},
	}
}

func (m systemd) start() [][]string {
	return [][]string{{"systemctl", "--user", "start", SocketUnit}}
}

func (m systemd) deactivate() [][]string {
	return [][]string{{"systemctl", "--user", "disable", "--now", SocketUnit, ServiceUnit}}
}

func (m systemd) forget() [][]string { return [][]string{{"systemctl", "--user", "daemon-reload"}} }

func (m systemd) ask() []string {
	return []string{"systemctl", "--user", "show", "--property=Id,ActiveState,SubState,UnitFileState,MainPID,Result,NeedDaemonReload,StatusText",
		SocketUnit, ServiceUnit}
}

// answer reads what systemctl says to ask.
func (m systemd) answer(out string, s *Status) {
	for block := range strings.SplitSeq(out, "\n\n") {
		values := map[string]string{}
		for line := range strings.Lines(block) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			values[name] = value
		}
		state := values["ActiveState"]
		if result := values["Result"]; result != "" && result != "success" {
			state += " (" + result + ")"
		}
		switch values["Id"] {
		case SocketUnit:
			s.Listens = values["ActiveState"] == "active"
			s.Socket = state
			s.Enabled = values["UnitFileState"] == "enabled"
		case ServiceUnit:
			s.Daemon, s.Says = state, values["StatusText"]
			_, _ = fmt.Sscan(values["MainPID"], &s.PID)
		}
		s.Reload = s.Reload || values["NeedDaemonReload"] == "yes"
	}
}
