package plain

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// Gist picks what tells most of a tool's input: the member that its call
// is about, else all of it.
func Gist(input json.RawMessage) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(input, &members) == nil {
		for _, key := range []string{"command", "file_path", "notebook_path", "pattern", "path", "url", "query", "description", "prompt", "skill"} {
			var text string
			if json.Unmarshal(members[key], &text) == nil && text != "" {
				return text
			}
		}
		if len(members) == 0 {
			return ""
		}
	}
	return string(input)
}

// Telling reports whether a system event is for people, too: the others are
// how Claude Code keeps programs informed.
func Telling(content string) bool {
	for _, word := range []string{"api_retry", "compact_boundary"} {
		if strings.HasPrefix(content, word) {
			return true
		}
	}
	return false
}

// GistOfApproval is what is asked, on one line.
func GistOfApproval(q api.Approval) string {
	if questions := Questions(q); len(questions) > 0 {
		return Line(questions[0].Question)
	}
	return Line(Gist(q.ToolInput))
}

// Status says where a session stands, and what it waits for.
func Status(s api.Session) string {
	if s.WaitingFor != "" {
		return "waits for " + Word(s.WaitingFor)
	}
	return Word(s.Status)
}

// Cost is a sum of US dollars; empty where there is none.
func Cost(usd float64) string {
	if usd == 0 {
		return ""
	}
	return "$" + strconv.FormatFloat(usd, 'f', 4, 64)
}

// Duration is a time in milliseconds, as exact as it matters; empty where there is none.
func Duration(ms int64) string {
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

// Name is what a person calls a session: its title, else its first prompt.
func Name(s api.Session) string {
	if s.Title != "" {
		return Line(s.Title)
	}
	return Line(s.Query)
}

// RateLimit says what Claude Code said last of its rate limit.
func RateLimit(l *api.RateLimit) string {
	if l == nil {
		return ""
	}
	text := l.Status
	if l.Type != "" {
		text += ", " + l.Type
	}
	if !l.ResetsAt.IsZero() {
		text += ", until " + l.ResetsAt.String()
	}
	return Line(text)
}

// Retry says that a request to the API failed, and when the next one is made.
func Retry(r *api.Retry) string {
	if r == nil {
		return ""
	}
	text := fmt.Sprintf("attempt %d failed", r.Attempt)
	if r.ErrorStatus != 0 {
		text += fmt.Sprintf(" with status %d", r.ErrorStatus)
	}
	return text + ", the next one in " + Duration(r.RetryDelayMS)
}
