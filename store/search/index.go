package search

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

const (
	// shardEvents is how many events a shard has at most. What a search looks at is so
	// many at once, between two looks at the time; each shard costs a rare word 0.1 ms.
	shardEvents = 16384
	// shardBytes is how many bytes of words one has at most, about.
	shardBytes = 16 << 20
	// maxRanked is how many of the newest matches are ranked together.
	maxRanked = 4000
	// patience is how long a search goes on to older shards.
	patience = 35 * time.Millisecond
	// gather is for how long events are left to come together: each transaction
	// makes a segment, which is merged with others later.
	gather = 200 * time.Millisecond
	// retry is the pause after something went wrong.
	retry = 5 * time.Second
	// minFree is how much room has to be on the disk: the last of it is for what
	// cannot be made anew.
	minFree = 128 << 20
)

// ErrClosed is for a search that came while the daemon stops.
var ErrClosed = errors.New("the index of texts is closed")

// Options are what an index is opened with.
type Options struct {
	StateDir string // the index is in a directory of its own there
	Store    *store.Store
	// Render shows what an event of a conversation says.
	Render func(*store.Event) (api.ConversationEvent, error)
	// Free tells how many bytes are free on the disk; nil: enough.
	Free   func() (int64, error)
	Logger *slog.Logger // nil: nobody hears

	// For tests.
	shardEvents, shardBytes, maxRanked, maxWords, maxPages int
	patience, gather, retry                                time.Duration
}

// Index is what is searched in. It never keeps a daemon from working: whatever is
// wrong with it is told by Health, and mended by itself where that is possible.
type Index struct {
	o     Options
	log   *slog.Logger
	wake  chan struct{} // a token: the log may have grown
	stop  context.CancelFunc
	ended chan struct{}
	hurt  atomic.Bool // a search has met damage

	windows windows

	mu       sync.RWMutex // searches hold it for reading as long as they use the file
	file     *file        // nil: there is none for now
	building time.Time    // since when it is being made of what is in the log already; zero: it is not
	problem  error
	closed   bool
}

// Dir is where the index of a state directory lies.
func Dir(stateDir string) string { return filepath.Join(stateDir, "search") }

// Supported reports whether this program was built with what an index takes.
func Supported() bool { return supported() }

var supported = sync.OnceValue(func() bool {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return false
	}
	defer db.Close() //nolint:errcheck // nothing was written
	var used bool
	err = db.QueryRowContext(context.Background(), "SELECT sqlite_compileoption_used('ENABLE_FTS5')").Scan(&used)
	return err == nil && used
})

// BuildHint says what a program without an index is to be built with.
const BuildHint = "build it with 'make build', or with 'go install -tags sqlite_fts5'"

var errUnsupported = fmt.Errorf("this program was built without full text search: %s", BuildHint)

// Open begins to follow the log, and to answer.
func Open(o Options) *Index {
	o.shardEvents = cmp.Or(o.shardEvents, shardEvents)
	o.maxRanked = cmp.Or(o.maxRanked, maxRanked)
	o.shardBytes = cmp.Or(o.shardBytes, shardBytes)
	o.maxWords = cmp.Or(o.maxWords, maxWords)
	o.maxPages = cmp.Or(o.maxPages, maxPages)
	o.patience = cmp.Or(o.patience, patience)
	o.gather = cmp.Or(o.gather, gather)
	o.retry = cmp.Or(o.retry, retry)
	x := &Index{o: o, log: o.Logger, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	x.stop = stop
	if !Supported() {
		x.problem = errUnsupported
		close(x.ended)
		return x
	}
	x.Wake()
	go x.run(ctx)
	return x
}

// Wake says that the log has grown. It never blocks.
func (x *Index) Wake() {
	select {
	case x.wake <- struct{}{}:
	default: // it will look
	}
}

// Close ends what is under way.
func (x *Index) Close() error {
	x.stop()
	<-x.ended
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	if x.file == nil {
		return nil
	}
	err := x.file.close()
	x.file = nil
	return err
}

// Health says how far the index is.
func (x *Index) Health() api.SearchHealth {
	x.mu.RLock()
	defer x.mu.RUnlock()
	h := api.SearchHealth{Available: x.file != nil}
	if x.file != nil {
		h.IndexedSeq = x.file.indexed.Load()
	}
	h.Behind = max(0, x.o.Store.Head()-h.IndexedSeq)
	if x.problem != nil {
		h.Problem = x.problem.Error()
	}
	return h
}

// Work is the making of the index of a log that is there already, while that is under way.
func (x *Index) Work() (w api.Work, underWay bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.building.IsZero() || x.file == nil {
		return w, false
	}
	return api.Work{Kind: api.WorkIndex, Step: "indexing what was said", Done: x.file.indexed.Load(), Total: x.o.Store.Head(), Unit: "events",
		StartedAt: api.At(x.building)}, true
}

// fail notes what is wrong; nil: nothing.
func (x *Index) fail(err error) {
	x.mu.Lock()
	before := x.problem
	x.problem = err
	x.mu.Unlock()
	switch {
	case err != nil && (before == nil || before.Error() != err.Error()):
		x.log.Warn("texts are not indexed for now", "error", err)
	case err == nil && before != nil:
		x.log.Info("texts are indexed again")
	}
}
