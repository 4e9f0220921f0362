package session

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/transcript"
)

// Bounds of a call of importTranscripts: it ends with the batch that it is at when
// the time is up, and says where the next call goes on.
const (
	maxImported = 500
	importTime  = 500 * time.Millisecond
)

// importCursor is where a call of importTranscripts goes on.
type importCursor struct {
	After string `json:"after,omitempty"` // the last file that is done with
	In    string `json:"in,omitempty"`    // the file that is partly taken in
	New   bool   `json:"new,omitempty"`   // and was new
	Lines int64  `json:"lines,omitempty"` // and has given so many
}

func (c importCursor) String() string { return base64.RawURLEncoding.EncodeToString(mustJSON(c)) }

func parseImportCursor(text string) (c importCursor, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && text != "" {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return c, api.InvalidParams("cursor", "%q is not a cursor of importTranscripts", text)
	}
	return c, nil
}

// ImportTranscripts takes in what Claude Code itself has kept of conversations, a
// page at a time: each becomes a session, and one that has grown since goes on. The
// daemon reads the files, for it can keep how far it got in the transaction of what
// it got. It reads nothing but regular files of its own user's, who could read them
// as well: only he can reach its socket.
func (m *Manager) ImportTranscripts(ctx context.Context, p api.ImportTranscriptsParams) (api.ImportTranscriptsResult, error) {
	result := api.ImportTranscriptsResult{Transcripts: []api.ImportedTranscript{}}
	at, err := parseImportCursor(p.Cursor)
	if err != nil {
		return result, err
	}
	files, err := findTranscripts(p.Paths)
	if err != nil {
		return result, err
	}
	result.Files = len(files)
	for k := range files {
		result.Bytes += files[k].Size
	}
	work := m.works.begin(api.WorkImport, "", "taking in transcripts")
	defer work.end()
	deadline := time.Now().Add(importTime)
	for k := range files {
		f := &files[k]
		if f.Path > at.After {
			work.tell("taking in transcripts", result.BytesDone, result.Bytes, "bytes")
			i := imported{m: m, found: *f, params: &p, deadline: deadline}
			if at.In == f.Path {
				i.one.Lines, i.begun = at.Lines, at.New
			}
			more, err := i.run(ctx)
			if err != nil {
				return result, m.closing(err)
			}
			if more {
				result.BytesDone += i.readTo()
				result.NextCursor = importCursor{After: at.After, In: f.Path, New: i.one.Outcome == api.ImportNew, Lines: i.one.Lines}.String()
				return result, nil
			}
			at = importCursor{After: f.Path}
			result.Transcripts = append(result.Transcripts, i.one)
		}
		result.FilesDone++
		result.BytesDone += f.Size
		if full := len(result.Transcripts) >= maxImported || time.Now().After(deadline); full && k < len(files)-1 && f.Path == at.After {
			result.NextCursor = at.String()
			return result, nil
		}
	}
	return result, nil
}

// findTranscripts lists the files that are meant, in the order of their paths.
func findTranscripts(paths []string) ([]transcript.Found, error) {
	if len(paths) == 0 {
		return nil, api.InvalidParams("paths", "must name a directory or a file")
	}
	var all []transcript.Found
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			return nil, api.InvalidParams("paths", "%q is not an absolute path", path)
		}
		found, err := transcript.Find(filepath.Clean(path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, api.InvalidParams("paths", "%s does not exist", path)
		case err != nil:
			return nil, api.InvalidParams("paths", "%v", err)
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b transcript.Found) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(all, func(a, b transcript.Found) bool { return a.Path == b.Path }), nil
}

// skip is why a file is not taken in. It is no failure of the call.
type skip struct {
	reason  api.ImportReason
	session string // that has the conversation
	message string
}

func (s *skip) Error() string { return s.message }

func skipf(reason api.ImportReason, format string, args ...any) *skip {
	return &skip{reason: reason, message: fmt.Sprintf(format, args...)}
}

// unreadable says why a file cannot be read.
func unreadable(err error) *skip {
	reason := api.SkippedUnreadable
	switch {
	case errors.Is(err, transcript.ErrNotRegular):
		reason = api.SkippedNotRegular
	case errors.Is(err, transcript.ErrNotOwned):
		reason = api.SkippedNotOwned
	}
	return &skip{reason: reason, message: err.Error()}
}

// run takes in a file, or as much as there is time for: then there is more. An error
// is the database's, or of the context: it ends the call.
func (i *imported) run(ctx context.Context) (more bool, err error) {
	i.one.Path, i.one.ClaudeSessionID = i.found.Path, transcript.ID(i.found.Path)
	i.one.Outcome = api.ImportUnchanged
	err = guard(func() (err error) { more, err = i.take(ctx); return err })
	var s *skip
	switch {
	case errors.As(err, &s):
		i.one.Outcome, i.one.Reason, i.one.Message = api.ImportSkipped, s.reason, s.message
		i.one.SessionID = cmp.Or(s.session, i.one.SessionID)
		return false, nil
	case isPanic(err):
		i.m.log.Error("transcript not imported", "file", i.found.Path, "error", err)
		i.one.Outcome, i.one.Reason, i.one.Message = api.ImportSkipped, api.SkippedUnreadable, told(err)
		return false, nil
	}
	return more, err
}

// take is run that returns why a file is skipped as an error.
func (i *imported) take(ctx context.Context) (more bool, err error) {
	if i.one.ClaudeSessionID == "" {
		return false, skipf(api.SkippedNoTranscript, "its name is not a conversation's id with .jsonl behind it")
	}
	if since := i.params.Since; !since.IsZero() && i.found.Modified.Before(since.Time) {
		return false, skipf(api.SkippedOlder, "it has not changed since %s", since.Format(time.RFC3339))
	}
	defer i.m.conversations.lock(i.one.ClaudeSessionID)()
	if err := i.open(ctx); err != nil {
		return false, err
	}
	defer func() { _ = i.close() }() // opened for reading: nothing can be lost
	if i.params.DryRun {
		return false, i.look()
	}
	return i.all(ctx)
}
