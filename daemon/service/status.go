package service

import (
	"context"
	"os"
	"path/filepath"
)

// Installed is what is installed, as far as files tell.
type Installed struct {
	Spec      Spec
	Files     []string  // their paths
	Condition Condition // Changed, where one of them is; Absent: none is installed
	Own       bool      // they lie in this user's place, and not in a package's
	Stale     bool      // as they were installed, but this version would write others
	Enabled   bool      // it is to start with the user's login
	Activates bool      // whoever connects to the socket has the daemon started
}

// Serves reports whether it is the service of the daemon that has this socket and
// this log. The agent of launchd does not say on which socket its daemon listens.
func (in Installed) Serves(socket, log string) bool {
	if in.Activates {
		return in.Enabled && in.Spec.Socket == socket
	}
	return in.Enabled && in.Spec.Log == log
}

// Installed looks for the service's files, the user's own first.
func (h Host) Installed() (Installed, error) {
	m := h.manager()
	in := Installed{Condition: Absent}
	if !filepath.IsAbs(h.Home) { // what lies in the working directory is nobody's service
		return in, nil
	}
	var contents []string
	for _, f := range m.files(Spec{}) {
		content, path, condition, err := find(m.places(), filepath.Base(f.Path))
		if err != nil {
			return in, err
		}
		if condition == Absent {
			return Installed{Condition: Absent}, nil // one unit alone is no service
		}
		own := path == f.Path
		if !own {
			condition = Ours // a package's is as the package has it
		}
		in.Own = in.Own || own
		if condition == Changed || in.Condition == Absent {
			in.Condition = condition
		}
		contents, in.Files = append(contents, content), append(in.Files, path)
	}
	in.Spec = m.parse(contents)
	in.Enabled, in.Activates = true, h.OS != "darwin"
	if in.Activates {
		in.Enabled = h.linked("sockets.target.wants", SocketUnit)
	}
	if in.Own && in.Condition == Ours && (in.Spec.Socket != "" || !in.Activates) { // where %t has no meaning, nothing can be compared
		for i, f := range m.files(in.Spec) {
			in.Stale = in.Stale || contents[i] != f.Content
		}
	}
	return in, nil
}

// find reads the first file of that name.
func find(places []string, name string) (content, path string, c Condition, err error) {
	for _, place := range places {
		path = filepath.Join(place, name)
		if content, c, err = read(path); err != nil || c != Absent {
			return content, path, c, err
		}
	}
	return "", "", Absent, nil
}

// linked reports whether a unit is enabled, for this user or for all.
func (h Host) linked(target, unit string) bool {
	for _, place := range (systemd{h}).places() {
		if _, err := os.Lstat(filepath.Join(place, target, unit)); err == nil {
			return true
		}
	}
	return false
}

// Status is how the service stands, as its manager says.
type Status struct {
	Enabled bool   `json:"enabled"`          // it starts with the user's login
	Listens bool   `json:"listens"`          // the manager holds the socket, and starts the daemon for whoever connects
	Socket  string `json:"socket,omitempty"` // state of the socket unit
	Daemon  string `json:"daemon,omitempty"` // state of the service
	PID     int    `json:"pid,omitempty"`    // of the daemon that the manager runs; 0: none
	Says    string `json:"says,omitempty"`   // what the daemon tells the manager of itself
	Reload  bool   `json:"reload,omitempty"` // files have changed since the manager has read them
}

// Status asks the manager; it is an *AbsentError where that cannot be reached.
func (h Host) Status(ctx context.Context) (Status, error) {
	var s Status
	if err := h.reach(ctx); err != nil {
		return s, err
	}
	command, may := h.manager().ask(), false
	if command[0] == optional {
		command, may = command[1:], true
	}
	out, err := h.Run(ctx, command)
	if err != nil && !may {
		return s, err
	}
	h.manager().answer(out, &s)
	return s, nil
}
