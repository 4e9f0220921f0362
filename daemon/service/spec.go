package service

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Spec says what the service runs.
type Spec struct {
	Executable  string   // absolute path of sessiond
	Socket      string   // absolute path of the socket
	RuntimeDir  string   // $XDG_RUNTIME_DIR, in whose place files say so; "": there is none
	Environment []string // NAME=value, of the daemon
	Log         string   // file for what the runtime says at a crash, where there is no journal
}

// check refuses what no file of a service manager can say.
func (s Spec) check() error {
	for what, path := range map[string]string{"path of the program": s.Executable, "path of the socket": s.Socket} {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("the %s is not absolute: %q", what, path)
		}
	}
	for _, text := range append([]string{s.Executable, s.Socket, s.Log}, s.Environment...) {
		if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }); i >= 0 {
			name, _, _ := strings.Cut(text, "=")
			return fmt.Errorf("%q has a control character or is no UTF-8, and a unit file cannot hold that", name)
		}
	}
	if strings.TrimSpace(s.Socket) != s.Socket || strings.Contains(s.Executable, "\"") {
		return fmt.Errorf("neither may the path of the socket begin or end with a space, nor that of the program hold quotes: %q, %q", s.Socket, s.Executable)
	}
	return nil
}

// File is a file of the service manager's.
type File struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}
