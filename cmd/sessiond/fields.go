package main

import (
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/sessiond/sessiond/rpc/api"
)

// field is a name and a value, which is clean and may hold styles.
type field struct{ name, value string }

// fields prints those that have a value below each other. A value of several
// lines is indented.
func (a *app) fields(list []field) {
	longest := 0
	for _, f := range list {
		if f.value != "" {
			longest = max(longest, len(f.name))
		}
	}
	for _, f := range list {
		if f.value == "" {
			continue
		}
		value := strings.ReplaceAll(strings.TrimRight(f.value, "\n"), "\n", "\n"+strings.Repeat(" ", longest+2))
		a.out.printf("%s  %s\n", a.out.style(styleDim, pad(f.name, longest)), value)
	}
}

// moment is a time: how long ago for a person, exact in a pipe.
func (a *app) moment(t api.Time) string {
	if t.IsZero() {
		return ""
	}
	if a.out.terminal {
		return humanize.Time(t.Time)
	}
	return t.String()
}

func statusStyle(s api.Status) style {
	switch s {
	case api.StatusCompleted:
		return styleGreen
	case api.StatusFailed:
		return styleRed
	case api.StatusInterrupted, api.StatusInterrupting, api.StatusWaitingInput:
		return styleYellow
	case api.StatusRunning, api.StatusStarting:
		return styleCyan
	}
	return styleDim
}
