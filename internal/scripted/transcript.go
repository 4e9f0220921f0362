package scripted

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// entry is one step of a conversation, one line of its file.
type entry struct {
	Type string `json:"type"` // user, assistant, or end: of the turn of a user's message
	UUID string `json:"uuid"`
	Text string `json:"text,omitempty"` // of a user's message
}

const (
	entryUser      = "user"
	entryAssistant = "assistant"
	entryEnd       = "end"
)

// transcript is a conversation as it is kept on disk. Its file comes to be with
// the first message. It has no lock: whoever holds the engine's may use it.
type transcript struct {
	path    string // "": it is not kept
	entries []entry
	saved   int // how many entries the file holds
}

// openTranscript begins or goes on with the conversation that the options name.
func openTranscript(o *options, id string) (*transcript, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if o.has("no-session-persistence") {
		return &transcript{}, nil
	}
	slug := regexp.MustCompile(`[^A-Za-z0-9]`).ReplaceAllString(dir, "-")
	t := &transcript{path: filepath.Join(projects(), slug, id+".jsonl")}
	if resume := o.get("resume"); resume != "" {
		if err := t.load(resume, o.get("resume-session-at")); err != nil {
			return nil, err
		}
	}
	if (!o.has("resume") || o.has("fork-session")) && findTranscript(id) != "" {
		return nil, refuse("Error: Session ID %s is already in use.", id)
	}
	return t, nil
}

// load takes the entries of another conversation, up to a line of it; of the
// same conversation it goes on in its file, wherever it was begun.
func (t *transcript) load(id, at string) error {
	path := findTranscript(id)
	if path == "" {
		return resumeError{refuse("No conversation found with session ID: %s", id)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(data) {
		var e entry
		if json.Unmarshal(line, &e) == nil { // a killed process may have left half a line
			t.entries = append(t.entries, e)
		}
	}
	if at != "" {
		i := slices.IndexFunc(t.entries, func(e entry) bool { return e.Type == entryAssistant && e.UUID == at })
		if i < 0 {
			return resumeError{refuse("No message found with message.uuid of: %s", at)}
		}
		t.entries = t.entries[:i+1]
	}
	if filepath.Base(path) == filepath.Base(t.path) {
		t.path, t.saved = path, len(t.entries)
	}
	return nil
}

// resumeError is a refusal behind which the real one prints a result too.
type resumeError struct{ error }

func (t *transcript) add(e entry) { t.entries = append(t.entries, e) }

// save appends to the file what it does not hold yet. A conversation that
// cannot be kept goes on, as the real one's does.
func (t *transcript) save() {
	if t.path == "" || t.saved == len(t.entries) || os.MkdirAll(filepath.Dir(t.path), 0o700) != nil {
		return
	}
	var b []byte
	for _, e := range t.entries[t.saved:] {
		line, _ := json.Marshal(e) // texts always encode
		b = append(append(b, line...), '\n')
	}
	f, err := os.OpenFile(t.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.Write(b)
	_ = f.Close()
	t.saved = len(t.entries)
}

// prompts are the texts of the user's messages.
func (t *transcript) prompts() []string {
	prompts := []string{}
	for _, e := range t.entries {
		if e.Type == entryUser {
			prompts = append(prompts, e.Text)
		}
	}
	return prompts
}

// taken says which uuids are not to run again: those whose turn has ended, and
// those that were answered in part.
func (t *transcript) taken() (ended, partly map[string]bool) {
	ended, partly = map[string]bool{}, map[string]bool{}
	open := ""
	for _, e := range t.entries {
		switch {
		case e.Type == entryUser:
			open = e.UUID
		case e.Type == entryEnd:
			ended[e.UUID] = true
			delete(partly, e.UUID)
		case open != "" && !ended[open]:
			partly[open] = true
		}
	}
	return ended, partly
}

func projects() string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = os.TempDir()
	}
	return filepath.Join(home, ".claude", "projects")
}

// findTranscript returns the path of a conversation's file, "" if there is none.
func findTranscript(id string) string {
	found, err := filepath.Glob(filepath.Join(projects(), "*", id+".jsonl"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}
