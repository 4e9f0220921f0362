package shim

import (
	"fmt"
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
	notify *fsnotify.Watcher
	stop   chan struct{}
	wg     sync.WaitGroup

	// register is held while a file is announced or withdrawn, and taken before
	// mu. Waking takes mu alone, so that it never waits for a registration.
	register sync.Mutex

	mu       sync.Mutex
	journals map[string][]*Journal // by path
}

// NewWatcher makes a Watcher. It must be closed.
func NewWatcher() (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	w := &Watcher{notify: notify, stop: make(chan struct{}), journals: map[string][]*Journal{}}
	w.wg.Go(w.run)
	return w, nil
}

// Close stops the watching and waits for its goroutine. Journals that are still
// open are not woken any more: close them before. Call it once.
func (w *Watcher) Close() error {
	close(w.stop)
	w.wg.Wait()
	return w.notify.Close()
}

func (w *Watcher) run() {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case ev := <-w.notify.Events:
			w.wake(ev.Name)
		case err := <-w.notify.Errors:
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
	if first {
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
	if len(rest) == 0 {
		_ = w.notify.Remove(path) // fails if the file is gone, and the watch with it
	}
}

// watchName is the name under which notifications of a file come.
func watchName(path string) string { return filepath.Clean(path) }
