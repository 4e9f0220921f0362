package main

import (
	"strconv"
	"strings"
	"time"

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

// statusText says where a session stands, and what it waits for.
func statusText(s api.Session) string {
	if s.WaitingFor != "" {
		return "waits for " + word(s.WaitingFor)
	}
	return word(s.Status)
}

func costText(usd float64) string {
	if usd == 0 {
		return ""
	}
	return "$" + strconv.FormatFloat(usd, 'f', 4, 64)
}

func durationText(ms int64) string {
	if ms == 0 {
		return ""
	}
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Second:
		return d.String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// name is what a person calls a session: its title, else its first prompt.
func name(s api.Session) string {
	if s.Title != "" {
		return cleanLine(s.Title)
	}
	return cleanLine(s.Query)
}
