package session

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/session/transcript"
	"github.com/sessiond/sessiond/store"
)

// refresh prepares a conversation that was imported for being gone on with here: what
// was said in it meanwhile is taken in, and where Claude Code has cleaned its
// transcript away, that is written again, as it was, for it resumes nothing without.
// From then on the conversation is that of the session that is about to be created.
func (m *Manager) refresh(ctx context.Context, p api.ContinueSessionParams) error {
	row, err := m.row(ctx, p.SessionID)
	if err != nil || row.Session.Origin != api.OriginImported {
		return err
	}
	id := row.Session.ClaudeSessionID
	defer m.conversations.lock(id)()
	known, err := m.store.Transcripts(ctx, id)
	if err != nil {
		return wrapf(err, "transcript of session %s", row.Session.ID)
	}
	n, _, err := m.store.LastOfConversation(ctx, id)
	if err != nil || len(known) == 0 || n != row.N {
		return wrapf(err, "conversation of session %s", row.Session.ID) // another session has gone on with it, and has what follows
	}
	env := m.environment(p.Env)
	projects := claude.ProjectsDir(getenv(env))
	if projects == "" {
		return nil // Claude Code itself will say what it thinks of that
	}
	if !p.Fork && p.AtSeq == nil {
		if err := notOpen(&row.Session, known[0].Path, projects); err != nil {
			return err
		}
	}
	path := transcript.In(projects, id)
	var s transcript.State
	if path == "" && json.Unmarshal(known[0].State, &s) == nil && s.Before != nil {
		return api.InvalidState(row.Session.Status, "launch a new session",
			"Claude Code has deleted the transcript of session %s, and its beginning, which was recorded otherwise, cannot be written again", row.Session.ID)
	}
	if path == "" {
		path = filepath.Join(projects, filepath.Base(filepath.Dir(known[0].Path)), id+".jsonl")
		return m.putBack(ctx, &row, path, known[0].ReadTo)
	}
	return m.catchUp(ctx, id, path)
}

// notOpen refuses a conversation that a claude has open, in a terminal say.
func notOpen(ses *api.Session, path, projects string) error {
	for _, dir := range []string{projects, filepath.Dir(filepath.Dir(path))} {
		for _, p := range transcript.Processes(dir, ses.ClaudeSessionID) {
			if shim.Runs(p.PID, p.Began) {
				return api.InvalidState(ses.Status, "end it there, or fork this session",
					"the conversation of session %s is open in Claude Code (process %d)", ses.ID, p.PID).With("session_id", ses.ID)
			}
		}
	}
	return nil
}

// catchUp takes in what a transcript holds beyond what was imported of it. One that
// was written anew is left alone: what was imported stays as it is.
func (m *Manager) catchUp(ctx context.Context, id, path string) error {
	i := imported{m: m, found: transcript.Found{Path: path}, params: &api.ImportTranscriptsParams{}}
	i.one.Path, i.one.ClaudeSessionID, i.one.Outcome = path, id, api.ImportUnchanged
	err := i.open(ctx)
	if err == nil {
		_, err = i.all(ctx)
	}
	_ = i.close() // opened for reading: nothing can be lost
	var s *skip
	if errors.As(err, &s) {
		m.log.Warn("transcript not taken further", "file", path, "reason", s.reason, "error", s)
		return nil
	}
	return m.closing(err)
}

// putBack writes the conversation's transcript, byte for byte as far as it was
// imported, to where Claude Code looks for it. Its subagents' are not written: it
// needs them for nothing.
func (m *Manager) putBack(ctx context.Context, row *store.SessionRow, path string, size int64) error {
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = m.writeTranscript(ctx, row, path, size)
	}
	if err != nil {
		return api.Errorf(api.ReasonInternal, "nothing was launched: the transcript of session %s, which Claude Code has cleaned away, cannot be written again: %v", row.Session.ID, err)
	}
	m.log.Info("transcript written again", "session", row.Session.ID, "file", path)
	return nil
}

// writeTranscript writes what was read of a transcript, which was so much.
func (m *Manager) writeTranscript(ctx context.Context, row *store.SessionRow, path string, size int64) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	w := bufio.NewWriterSize(f, 256<<10)
	written := int64(0)
	for after, more := int64(0), true; more; {
		more, err = m.store.ReadConversation(ctx, []store.Segment{{N: row.N}}, after, 512, maxPageBytes, func(events []store.Event) {
			for i := range events {
				ev := &events[i]
				after = ev.Seq
				if !ev.FromLine || ev.Part != 0 || ev.Data != nil {
					continue
				}
				written += int64(len(ev.Line))
				_, _ = w.Write(ev.Line) // the error stays with w
				if !ev.Unterminated {
					written++
					_ = w.WriteByte('\n')
				}
			}
		})
		if err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if written != size {
		return fmt.Errorf("%d bytes of it were imported, and only %d can be read: see sessiond doctor", size, written)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there again: %w", path, errors.Join(err, fs.ErrExist))
	}
	return f.CloseAtomicallyReplace()
}
