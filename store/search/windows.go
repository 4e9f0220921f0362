package search

import (
	"slices"
	"sync"

	"github.com/sessiond/sessiond/rpc/api"
)

// maxWindows is of how many windows it is remembered what was found.
const maxWindows = 8

// windows remembers what was found in those windows of which more pages may be asked
// for. How well an event matches depends on all others: with those that come in meanwhile
// the order is another one, of which a page would repeat matches and pass over others.
type windows struct {
	mu   sync.Mutex
	list []found // the one that was used last is last
}

// found is what was found in a window, in the order that was asked for.
type found struct {
	upTo, oldest int64
	digest       string
	hits         []hit
}

// find returns what was found in the window of a place; nil: that is not remembered.
func (w *windows) find(at place, p api.SearchConversationsParams) []hit {
	if at.oldest == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.index(at, digest(p)); i >= 0 {
		return w.list[i].hits
	}
	return nil
}

// keep remembers what was found in the window of a place. It is not changed any more.
func (w *windows) keep(at place, p api.SearchConversationsParams, hits []hit) {
	one := found{at.upTo, at.oldest, digest(p), hits}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.index(at, one.digest); i >= 0 {
		w.list = slices.Delete(w.list, i, i+1)
	}
	w.list = append(w.list[max(0, len(w.list)+1-maxWindows):], one)
}

func (w *windows) index(at place, digest string) int {
	return slices.IndexFunc(w.list, func(f found) bool {
		return f.upTo == at.upTo && f.oldest == at.oldest && f.digest == digest
	})
}
