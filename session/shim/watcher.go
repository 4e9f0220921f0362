package shim

import (
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollInterval is how often a Watcher looks at its journals' sizes itself. File
// systems without notifications, and systems that have no more of them to give,
// are served by that alone.
const pollInterval = 250 * time.Millisecond

// Watcher wakes journals when something is appended to them. One is enough for
// all journals of a program: it takes one of the system's (few) notification
// instances, and one goroutine.
type Watcher struct {
	notify *fsnotify.Watcher // nil: there is no instance left
	stop   chan struct{}
	wg     sync.WaitGroup

	// register is held while a file is announced or withdrawn, and taken before
	// mu. Waking takes mu alone, so that it never waits for a registration.
	register sync.Mutex

	mu       sync.Mutex
	journals map[string][]*Journal // by path
}

// NewWatcher makes a Watcher. It must be closed. Where the system has no notification
// instance left (they are few, and shared by all programs of a user), that is logged,
// and the poll serves all journals.
func NewWatcher(log *slog.Logger) *Watcher { return newWatcher(fsnotify.NewWatcher, log) }

func newWatcher(instance func() (*fsnotify.Watcher, error), log *slog.Logger) *Watcher {
	notify, err := instance()
	if err != nil {
		log.Warn("no notifications of files: journals are looked at instead", "every", pollInterval, "error", err,
			"next", "other programs of this user have them all: allow more (on Linux, sysctl fs.inotify.max_user_instances), and restart the daemon")
		notify = nil
	}
	w := &Watcher{notify: notify, stop: make(chan struct{}), journals: map[string][]*Journal{}}
	w.wg.Go(w.run)
	return w
}

// Close stops the watching and waits for its goroutine. Journals that are still
// open are not woken any more: close them before. Call it once.
func (w *Watcher) Close() error {
	close(w.stop)
	w.wg.Wait()
	if w.notify == nil {
		return nil
	}
	return w.notify.Close()
}

func (w *Watcher) run() {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var events chan fsnotify.Event
	var errs chan error
	if w.notify != nil {
		events, errs = w.notify.Events, w.notify.Errors
	}
	for {
		select {
		case ev := <-events:
			w.wake(ev.Name)
		case err := <-errs:
			if err != nil { // notifications were lost
				w.poll()
			}
		case <-tick.C:
			w.poll()
		case <-w.stop:
			return
		}
	}
}

func (w *Watcher) wake(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.journals[path] {
		j.fire()
	}
}

func (w *Watcher) poll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, js := range w.journals {
		for _, j := range js {
			if j.behind() {
				j.fire()
			}
		}
	}
}

// add lets a journal be woken, until remove. Without a notification (there are
// as many as the system allows a user) the poll does it.
func (w *Watcher) add(path string, j *Journal) {
	w.register.Lock()
	defer w.register.Unlock()
	w.mu.Lock()
	w.journals[path] = append(w.journals[path], j)
	first := len(w.journals[path]) == 1
	w.mu.Unlock()
	if first && w.notify != nil {
		_ = w.notify.Add(path)
	}
}

func (w *Watcher) remove(path string, j *Journal) {
	w.register.Lock()
	defer w.register.Unlock()
	w.mu.Lock()
	rest := slices.DeleteFunc(w.journals[path], func(other *Journal) bool { return other == j })
	if w.journals[path] = rest; len(rest) == 0 {
		delete(w.journals, path)
	}
	w.mu.Unlock()
	if len(rest) == 0 && w.notify != nil {
		_ = w.notify.Remove(path) // fails if the file is gone, and the watch with it
	}
}

// watchName is the name under which notifications of a file come.
func watchName(path string) string { return filepath.Clean(path) }
