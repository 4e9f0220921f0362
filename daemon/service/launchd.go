package service

import (
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strings"
)

// Label names the agent of launchd.
const Label = "com.github.sessiond"

// Agent returns the property list of the agent, without a stamp. launchd gives a
// socket only to programs that ask it by a call of its own C library, so that the
// agent makes its socket itself: it runs from login on.
func Agent(s Spec) string {
	environment := ""
	for _, pair := range s.Environment {
		name, value, _ := strings.Cut(pair, "=")
		environment += fmt.Sprintf("\t\t<key>%s</key>\n\t\t<string>%s</string>\n", escapeXML(name), escapeXML(value))
	}
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>%s</string>
	<key>ProgramArguments</key>
	<array>
		<string>%s</string>
		<string>serve</string>
		<string>--agent</string>
	</array>
	<key>EnvironmentVariables</key>
	<dict>
%s	</dict>
	<key>RunAtLoad</key>
	<true/>
	<!-- Not after 'sessiond stop'. -->
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<!-- Sessions outlive the daemon. -->
	<key>AbandonProcessGroup</key>
	<true/>
	<key>ProcessType</key>
	<string>Interactive</string>
	<key>StandardErrorPath</key>
	<string>%s</string>
</dict>
</plist>
`, Label, escapeXML(s.Executable), environment, escapeXML(s.Log))
}

func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}

// parseAgent reads out of a property list what Agent has put in. The socket is
// not in it.
func parseAgent(content string) Spec {
	var list struct {
		Dict struct {
			Parts []struct {
				XMLName xml.Name
				Text    string   `xml:",chardata"`
				Strings []string `xml:"string"`
				Keys    []string `xml:"key"`
			} `xml:",any"`
		} `xml:"dict"`
	}
	_ = xml.Unmarshal([]byte(content), &list) // what cannot be read says nothing
	var s Spec
	key := ""
	for _, part := range list.Dict.Parts {
		switch {
		case part.XMLName.Local == "key":
			key = part.Text
		case key == "ProgramArguments" && len(part.Strings) > 0:
			s.Executable = part.Strings[0]
		case key == "StandardErrorPath":
			s.Log = part.Text
		case key == "EnvironmentVariables":
			for i, name := range part.Keys {
				if i < len(part.Strings) {
					s.Environment = append(s.Environment, name+"="+part.Strings[i])
				}
			}
		}
	}
	return s
}

// launchd is the manager of macOS.
type launchd struct{ host Host }

func (m launchd) name() string { return "launchd's domain of this login" }

func (m launchd) files(s Spec) []File {
	return []File{{filepath.Join(m.dir(), Label+".plist"), stamped(Agent(s), "<!-- ", " -->")}}
}

func (m launchd) dir() string { return filepath.Join(m.host.Home, "Library", "LaunchAgents") }

func (m launchd) places() []string { return []string{m.dir()} }

func (m launchd) parse(contents []string) Spec { return parseAgent(contents[0]) }

func (m launchd) domain() string { return fmt.Sprintf("gui/%d", m.host.UID) }

func (m launchd) target() string { return m.domain() + "/" + Label }

func (m launchd) probe() []string { return []string{"launchctl", "print", m.domain()} }

func (m launchd) activate(changed bool) [][]string {
	if !changed {
		return m.start()
	}
	return [][]string{
		{optional, "launchctl", "bootout", m.target()},
		{"launchctl", "enable", m.target()},
		{"launchctl", "bootstrap", m.domain(), filepath.Join(m.dir(), Label+".plist")},
	}
}

func (m launchd) start() [][]string { return [][]string{{"launchctl", "kickstart", m.target()}} }

func (m launchd) deactivate() [][]string {
	return [][]string{{optional, "launchctl", "bootout", m.target()}}
}

func (m launchd) forget() [][]string { return nil }

func (m launchd) ask() []string { return []string{optional, "launchctl", "print", m.target()} }

// answer reads what launchctl says to ask; nothing where the agent is not loaded.
func (m launchd) answer(out string, s *Status) {
	s.Daemon = "not loaded"
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		switch {
		case name == "state" && !s.Enabled:
			s.Daemon, s.Enabled = value, true
		case name == "pid":
			_, _ = fmt.Sscan(value, &s.PID)
		}
	}
}
