package session

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// archivePage is how many events are read from the log at once.
const archivePage = 1000

// archived is what archive came to.
type archived struct {
	path   string
	events int
	upTo   int64 // every event of the session up to this seq is in it
}

// archive writes a session whole to a file of its own in dir, in the form that
// api.ArchiveLine describes. When it returns, the file is on the disk under its
// name and was read back; after an error there is none, or the one of before. It
// is an error if fewer events than there are can be read: errArchiveLacks. An
// archive of before that holds what this one does not stays beside it.
func (m *Manager) archive(ctx context.Context, row store.SessionRow, events int, dir string) (archived, error) {
	a := archived{path: filepath.Join(dir, row.Session.ID+".jsonl.gz")}
	if err := shim.PrivateDir(dir); err != nil {
		return a, err
	}
	f, err := renameio.NewPendingFile(a.path, renameio.WithTempDir(dir), renameio.WithPermissions(0o600), renameio.IgnoreUmask())
	if err != nil {
		return a, err
	}
	defer f.Cleanup() //nolint:errcheck // the file has its name, or what went wrong is known
	w := newArchiveWriter(f)
	if a.events, a.upTo, err = m.writeArchive(ctx, w, row); err != nil {
		return a, err
	}
	switch {
	case a.events < events:
		return a, fmt.Errorf("%w: %d of %d events", errArchiveLacks, a.events, events)
	case a.events > events: // something has happened meanwhile
		return a, errKept
	}
	if err := w.close(); err != nil {
		return a, err
	}
	if err := f.Sync(); err != nil {
		return a, err
	}
	if err := w.verify(ctx, f.Name()); err != nil {
		return a, err
	}
	richer, err := holdsMore(ctx, a.path, f.Name())
	if err != nil {
		return a, err
	}
	if richer {
		a.path = filepath.Join(dir, row.Session.ID+"."+time.Now().UTC().Format("20060102T150405.000Z")+".jsonl.gz")
	}
	if err := os.Rename(f.Name(), a.path); err != nil {
		return a, err
	}
	return a, syncFile(dir)
}

// writeArchive writes everything that is known of a session.
func (m *Manager) writeArchive(ctx context.Context, w *archiveWriter, row store.SessionRow) (events int, upTo int64, err error) {
	messages, badMessages, err := m.store.Messages(ctx, row.Session.ID, nil)
	if err != nil {
		return 0, 0, err
	}
	approvals, badApprovals, err := m.store.Approvals(ctx, row.Session.ID, nil)
	if err != nil {
		return 0, 0, err
	}
	if err := firstDamage(row, badMessages, badApprovals); err != nil {
		return 0, 0, err
	}
	w.put(api.ArchiveLine{Header: &api.ArchiveHeader{Format: api.ArchiveFormat, Version: api.ArchiveVersion,
		ArchivedAt: api.Now(), Session: row.Session, Options: row.Options}})
	for i := range messages {
		w.put(api.ArchiveLine{Message: &messages[i]})
	}
	for i := range approvals {
		w.put(api.ArchiveLine{Approval: &approvals[i]})
	}
	for head := m.store.Head(); upTo < head; {
		var page []store.Event
		if page, upTo, err = m.store.Log(ctx, upTo, archivePage, store.Filter{SessionID: row.Session.ID}); err != nil {
			return 0, 0, err
		}
		for i := range page {
			ev := m.archivedEvent(&page[i])
			w.put(api.ArchiveLine{Event: &ev})
		}
		events += len(page)
		if w.err != nil {
			break
		}
	}
	w.put(api.ArchiveLine{End: &api.ArchiveEnd{Messages: len(messages), Approvals: len(approvals), Events: events}})
	return events, upTo, w.err
}

// archivedEvent is the event as subscribers got it, and the line that it came from.
func (m *Manager) archivedEvent(ev *store.Event) api.Event {
	data := ev.Data
	if ev.Type == api.EventConversationUpdated {
		shown := m.shown(ev)
		addRaw(&shown, ev)
		data = mustJSON(shown)
	}
	return api.Event{Seq: ev.Seq, Type: ev.Type, SessionID: ev.SessionID, RunID: ev.RunID, Timestamp: ev.Time, Data: data}
}

// archiveWriter writes lines of JSON, compressed, and remembers what they were.
// After an error it writes nothing more; close returns it.
type archiveWriter struct {
	zip *gzip.Writer
	out *bufio.Writer
	sum hash.Hash
	err error
}

func newArchiveWriter(w io.Writer) *archiveWriter {
	a := &archiveWriter{zip: gzip.NewWriter(w), sum: sha256.New()}
	a.out = bufio.NewWriterSize(io.MultiWriter(a.zip, a.sum), 64<<10)
	return a
}

func (a *archiveWriter) put(line api.ArchiveLine) {
	if a.err == nil {
		_, a.err = a.out.Write(append(mustJSON(line), '\n'))
	}
}

func (a *archiveWriter) close() error {
	if a.err == nil {
		a.err = a.out.Flush()
	}
	return errors.Join(a.err, a.zip.Close())
}

// errArchiveLacks says that the database does not give all that it should.
var errArchiveLacks = errors.New("some events are damaged, run `sessiond doctor`; the session stays, for an archive would hold only")

// errArchiveDiffers says that an archive does not hold what was written.
var errArchiveDiffers = errors.New("the archive, read back, is not what was written")

// verify reads a file back.
func (a *archiveWriter) verify(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	unzip, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%w: %w", errArchiveDiffers, err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, contextReader{ctx, unzip}); err != nil {
		return fmt.Errorf("%w: %w", errArchiveDiffers, err)
	}
	if !bytes.Equal(sum.Sum(nil), a.sum.Sum(nil)) {
		return errArchiveDiffers
	}
	return nil
}

// holdsMore reports whether the archive old holds, or may hold, events that the
// archive at path does not begin with. What is no archive holds nothing.
func holdsMore(ctx context.Context, old, path string) (bool, error) {
	before, err := os.Open(old)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer before.Close()
	was, err := gzip.NewReader(before)
	if err != nil {
		return false, nil // it is none
	}
	now, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer now.Close()
	is, err := gzip.NewReader(now)
	if err != nil {
		return false, err
	}
	olds, news := bufio.NewReader(contextReader{ctx, was}), bufio.NewReader(contextReader{ctx, is})
	for {
		had, err := nextEvent(olds)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			return true, nil // who knows what lies behind the damage
		}
		has, err := nextEvent(news)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if !bytes.Equal(had, has) {
			return true, nil
		}
	}
}

// nextEvent reads up to the next line of an archive that holds an event.
func nextEvent(r *bufio.Reader) ([]byte, error) {
	for {
		line, err := r.ReadBytes('\n')
		if err != nil || bytes.HasPrefix(line, []byte(`{"event":`)) {
			return line, err
		}
	}
}

// contextReader ends when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// syncFile makes what was written to a file, or the names in a directory, last.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
