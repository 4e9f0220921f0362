package session

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sessiond/sessiond/session/shim"
)

// ward sees to it that a process whose shim is killed does not meet a disk that
// takes nothing: Claude Code drops what it cannot write. It has a goroutine of
// its own, because the actor may be waiting for that very disk.
type ward struct {
	mgr *Manager
	id  string
	dir string
	log *slog.Logger

	stop   context.CancelFunc // ends the watching; nil: there was none
	wg     sync.WaitGroup
	warden *shim.Warden // of the watching goroutine, until wg says that it has ended
}

// watch begins to look after a process once lost is closed: then its shim may be
// dead. It replaces what was watched before.
func (w *ward) watch(process shim.Started, lost <-chan struct{}) {
	w.close()
	ctx, stop := context.WithCancel(context.Background()) // until close
	w.stop = stop
	w.wg.Go(func() {
		select {
		case <-lost:
			w.take(ctx, process)
		case <-ctx.Done():
		}
	})
}

// orphaned is watch for a process whose shim was not found. Where it was watched
// before, its shim is known to be lost.
func (w *ward) orphaned(process shim.Started) {
	if w.stop == nil {
		w.watch(process, atOnce)
	}
}

// take looks after the process as soon as its shim is gone for certain, which
// may be a moment later, or never.
func (w *ward) take(ctx context.Context, process shim.Started) {
	tick := time.NewTicker(lookPause)
	defer tick.Stop()
	said := false
	for process.Alive() {
		if w.mgr.away() == nil && !shim.Listening(w.dir) {
			warden, err := shim.KeepOrphan(w.dir, process, w.mgr.cfg.MaxJournalBytes, func(text string) { w.log.Warn("process without a shim", "state", text) })
			if err == nil {
				w.warden = warden
				w.mgr.hears(w.id, warden)
				return
			}
			if !said {
				w.log.Error("nobody looks after a process whose shim is gone", "error", err)
				said = true
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// close ends the watching, and lets go of the process as it is: one that is
// stopped is for the next daemon to continue.
func (w *ward) close() {
	if w.stop == nil {
		return
	}
	w.stop()
	w.wg.Wait()
	if w.warden != nil {
		w.mgr.forget(w.id, w.warden)
		_ = w.warden.Close() // nothing was written
	}
	w.stop, w.warden = nil, nil
}
