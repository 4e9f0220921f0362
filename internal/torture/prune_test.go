package torture

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// prune has every session that is there pruned, however often the daemon dies
// at it, and looks at the archives.
func (w *world) prune() {
	list := w.list()
	for id := range list {
		w.of(id, func(k *known) { k.deleted = true })
	}
	err := w.again(func(ctx context.Context) error {
		result, err := w.client.PruneSessions(ctx, api.PruneSessionsParams{Before: api.At(time.Now().Add(time.Hour))})
		if err == nil && len(result.Failed)+result.Held+result.Remaining > 0 {
			w.problem("pruned: %+v", result)
		}
		return err
	})
	if err != nil {
		w.problem("pruneSessions: %v", err)
	}
	for id := range list {
		files, err := filepath.Glob(filepath.Join(w.daemon.state, "archive", "*"+id+"*"))
		if err != nil || len(files) != 1 {
			w.problem("session %s: archives %v, %v", id, files, err)
			continue
		}
		w.checkArchive(id, files[0])
	}
	if left := w.list(); len(left) > 0 {
		w.problem("%d sessions were not pruned", len(left))
	}
}

// checkArchive compares what an archive holds of a session with what was printed.
func (w *world) checkArchive(id, path string) {
	var all []line
	var ses api.Session
	ended := false
	err := readArchive(path, func(l api.ArchiveLine) error {
		switch {
		case l.Header != nil:
			ses = l.Header.Session
		case l.End != nil:
			ended = true
		case l.Event != nil && l.Event.Type == api.EventConversationUpdated:
			var ev api.ConversationEvent
			if err := json.Unmarshal(l.Event.Data, &ev); err != nil {
				return err
			}
			all = append(all, rawOf([]api.ConversationEvent{ev})...)
		}
		return nil
	})
	if err != nil || !ended || ses.ID != id {
		w.problem("%s: whole: %v, of session %s: %v", path, ended, ses.ID, err)
	}
	w.checkLines(w.known[id], ses, all)
}

// readArchive reads an archive line by line.
func readArchive(path string, take func(api.ArchiveLine) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for in := json.NewDecoder(unpacked); ; {
		var l api.ArchiveLine
		if err := in.Decode(&l); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := take(l); err != nil {
			return err
		}
	}
}
