package search

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

func (l *library) want(query string, seqs ...int64) {
	l.t.Helper()
	if got := l.seqs(query); !slices.Equal(got, seqs) {
		l.t.Errorf("%s: found %v, want %v", query, got, seqs)
	}
}

// reopen closes the index and the log, does something, and opens both.
func (l *library) reopen(o Options, between func()) {
	l.t.Helper()
	if err := errors.Join(l.Close(), l.store.Close()); err != nil {
		l.t.Fatal(err)
	}
	between()
	l.openLog()
	l.openIndex(o)
}

// inode tells one index from another. The file is held open, or the next one could get
// its number.
func (l *library) inode() os.FileInfo {
	l.t.Helper()
	f, err := os.Open(filepath.Join(Dir(l.dir), "index.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = f.Close() })
	info, err := f.Stat()
	if err != nil {
		l.t.Fatal(err)
	}
	return info
}

// The index goes on where it was, and has nothing twice.
func TestAnIndexGoesOn(t *testing.T) {
	t.Parallel()
	o := quick()
	o.shardEvents = 2
	l := newLibrary(t, o)
	row := l.session(nil)
	a := l.say(row, "apple", "apple two")
	l.settle()
	before := l.inode()
	var c int64
	left := filepath.Join(l.dir, removed+"1")
	l.reopen(o, func() {
		if err := os.MkdirAll(filepath.Join(left, "search"), 0o700); err != nil {
			t.Fatal(err)
		}
	})
	c = l.say(row, "apple three")
	l.want("apple", c, a, a-1)
	if !os.SameFile(before, l.inode()) {
		t.Error("it was made anew")
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Error("what was about to be removed is left")
	}
}

// The files are for this user's eyes alone, whatever the umask.
func TestTheFilesArePrivate(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	l.say(l.session(nil), "apple")
	l.settle()
	files, err := filepath.Glob(filepath.Join(Dir(l.dir), "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, path := range append(files, Dir(l.dir)) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// TestAnIndexThatIsJustBeingMade is none yet, and not a damaged one.
func TestAnIndexThatIsJustBeingMade(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if err := os.Mkdir(Dir(state), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(Dir(state), "index.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("inspect: %v", err)
	}
}

// An index that is tidy is left alone until something is written.
func TestATidyIndexIsLeftAlone(t *testing.T) {
	t.Parallel()
	needIndex(t)
	l := &library{t: t, dir: t.TempDir()}
	l.openLog()
	f, err := openFile(t.Context(), Dir(l.dir), l.store)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := f.tidy(t.Context()); done || err != nil {
		t.Errorf("a new index was tidied: %v, %v", done, err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if done, err := f.tidy(t.Context()); done || err != nil {
		t.Errorf("the database was asked: %v", err)
	}
}

// A session that was deleted is found no more, and its words are in the files no more.
func TestADeletedSessionLeaves(t *testing.T) {
	t.Parallel()
	o := quick()
	o.shardEvents = 3
	l := newLibrary(t, o)
	stays, goes := l.session(nil), l.session(nil)
	l.say(goes, "secretword one", "secretword two", "secretword three", "secretword four")
	seq := l.say(stays, "other words")
	l.say(goes, "secretword five")
	l.settle()
	l.delete(goes)
	l.want("secretword")
	l.want("other", seq)
	eventually(t, "the words are gone", func() bool {
		l.mu.RLock()
		defer l.mu.RUnlock()
		shards, err := numbers(t.Context(), l.file.readers, "SELECT n FROM shards WHERE living = 0 OR untidy")
		if err != nil {
			t.Fatal(err)
		}
		return len(shards) == 0
	})
	l.reopen(o, func() {
		files, err := filepath.Glob(filepath.Join(Dir(l.dir), "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, path := range files {
			if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), "secretword") {
				t.Errorf("%s still has the word (%v)", path, err)
			}
		}
	})
	l.want("other", seq)
}

// An index of another log, or of one that goes on differently, is made anew.
func TestAStaleIndexIsMadeAnew(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, l *library){
		"another log": func(t *testing.T, l *library) {
			for _, end := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(filepath.Join(l.dir, "sessiond.db"+end))
			}
		},
		"a backup was put back": func(t *testing.T, l *library) {
			db := filepath.Join(l.dir, "sessiond.db")
			if err := store.Restore(t.Context(), filepath.Join(l.dir, "backup"), db, db+".aside", store.RestoreSteps{}); err != nil {
				t.Fatal(err)
			}
		},
		"another version": func(t *testing.T, l *library) {
			f, err := openDB(filepath.Join(Dir(l.dir), "index.db"), writerParams, 1)
			if err == nil {
				_, err = f.ExecContext(t.Context(), "PRAGMA user_version = 99")
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t, quick())
			row := l.session(nil)
			kept := l.say(row, "apple before")
			if err := l.store.Backup(t.Context(), filepath.Join(l.dir, "backup"), nil); err != nil {
				t.Fatal(err)
			}
			l.say(row, "apple behind")
			l.settle()
			old := l.inode()
			l.reopen(quick(), func() { change(t, l) })
			want := []int64{l.say(l.session(nil), "apple since")}
			switch name {
			case "a backup was put back":
				want = append(want, kept)
			case "another version":
				want = append(want, kept+1, kept)
			}
			l.want("apple", want...)
			if os.SameFile(old, l.inode()) {
				t.Error("the index is the old one")
			}
		})
	}
}

// An index that is damaged, or gone, while it is used or while it is not, is made anew
// by itself, and nothing else suffers.
func TestADamagedIndexIsMadeAnew(t *testing.T) {
	t.Parallel()
	spoil := func(t *testing.T, l *library) {
		path := filepath.Join(Dir(l.dir), "index.db")
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(path + "-wal")
		if err := os.WriteFile(path, []byte(strings.Repeat("spoilt ", int(info.Size()/7))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	drop := func(t *testing.T, l *library) {
		f, err := openDB(filepath.Join(Dir(l.dir), "index.db"), writerParams, 1)
		if err == nil {
			_, err = f.ExecContext(t.Context(), "DROP TABLE text_1_data")
			err = errors.Join(err, f.Close())
		}
		if err != nil && !strings.Contains(err.Error(), "may not be dropped") {
			t.Fatal(err)
		}
		if err != nil {
			spoil(t, l)
		}
	}
	for name, c := range map[string]struct {
		harm func(*testing.T, *library)
		live bool
	}{
		"overwritten": {spoil, false}, "overwritten in use": {spoil, true},
		"a table is gone": {drop, false}, "a table is gone in use": {drop, true},
		"removed": {func(t *testing.T, l *library) {
			if err := Discard(l.dir); err != nil {
				t.Fatal(err)
			}
		}, false},
		"removed in use": {func(t *testing.T, l *library) {
			if err := Discard(l.dir); err != nil {
				t.Fatal(err)
			}
		}, true},
		"empty": {func(t *testing.T, l *library) {
			if err := os.Truncate(filepath.Join(Dir(l.dir), "index.db"), 0); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t, quick())
			row := l.session(nil)
			var seqs []int64
			for i := range 20 {
				seqs = append(seqs, l.say(row, fmt.Sprint("apple ", i)))
			}
			l.settle()
			if c.live {
				c.harm(t, l)
			} else {
				l.reopen(quick(), func() { c.harm(t, l) })
			}
			seqs = append(seqs, l.say(row, "apple at last"))
			slices.Reverse(seqs)
			eventually(t, "all is found again", func() bool {
				r, err := l.Search(t.Context(), api.SearchConversationsParams{Query: "apple", Order: api.OrderNewest, Limit: new(100)})
				if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonSearchUnavailable}) {
					t.Fatal(err)
				}
				return err == nil && len(r.Matches) == len(seqs)
			})
			l.want("apple", seqs...)
			eventually(t, "nothing is wrong", func() bool { return l.Health().Problem == "" })
		})
	}
}

// While the disk is nearly full the index waits, says so, and goes on by itself; what
// it has can be found.
func TestANearlyFullDiskIsWaitedFor(t *testing.T) {
	t.Parallel()
	var free atomic.Int64
	free.Store(1 << 40)
	o := quick()
	o.Free = func() (int64, error) { return free.Load(), nil }
	l := newLibrary(t, o)
	row := l.session(nil)
	first := l.say(row, "apple")
	l.want("apple", first)
	free.Store(minFree - 1)
	second := l.say(row, "apple again")
	eventually(t, "it says so", func() bool { return strings.Contains(l.Health().Problem, "no room on the disk") })
	r, err := l.Search(t.Context(), api.SearchConversationsParams{Query: "apple"})
	if err != nil || r.Total != 1 || r.IndexedSeq >= second || r.HeadSeq != second {
		t.Errorf("%+v, %v", r, err)
	}
	if h := l.Health(); !h.Available || h.Behind == 0 {
		t.Errorf("%+v", h)
	}
	free.Store(minFree)
	l.want("apple", second, first)
	eventually(t, "nothing is wrong", func() bool { return l.Health().Problem == "" })
}

// Where the index can be had from the beginning, searches say why there is none.
func TestWithoutAnIndex(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	l.reopen(quick(), func() {
		if err := errors.Join(Discard(l.dir), os.WriteFile(Dir(l.dir), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	})
	eventually(t, "it says so", func() bool { return strings.Contains(l.Health().Problem, "not a directory") })
	_, err := l.Search(t.Context(), api.SearchConversationsParams{Query: "apple"})
	var e *api.Error
	if !errors.As(err, &e) || e.Reason != api.ReasonSearchUnavailable || e.Data["hint"] == "" {
		t.Errorf("%v", err)
	}
	if err := os.Remove(Dir(l.dir)); err != nil {
		t.Fatal(err)
	}
	l.settle()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Search(t.Context(), api.SearchConversationsParams{Query: "apple"}); !errors.Is(err, ErrClosed) {
		t.Errorf("behind its end: %v", err)
	}
}

// A result is found by the tool that it is of, which it does not name.
func TestResultsAreOfATool(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	row, other := l.session(nil), l.session(nil)
	wrong := true
	b := &store.Batch{Events: []store.Event{
		event(row.N, api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "t1", ToolName: "Bash", ToolInput: []byte(`{"command":"make apple"}`)}),
		event(other.N, api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "t1", ToolName: "Read", ToolInput: []byte(`{"apple":1}`)}),
		event(row.N, api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: "t1", Content: "apple made"}),
		event(other.N, api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: "t1", Content: "an apple"}),
		event(row.N, api.ConversationEvent{EventType: api.ConversationResult, Content: "apple"}),
		event(row.N, api.ConversationEvent{EventType: api.ConversationResult, Content: "apple failed", IsError: &wrong}),
		event(row.N, api.ConversationEvent{EventType: api.ConversationSystem, Content: "apple init"}),
		event(row.N, api.ConversationEvent{EventType: api.ConversationThinking, Role: "assistant", Content: "apple?"}),
	}}
	l.commit(b)
	at := func(i int) int64 { return b.Events[i].Seq }
	l.want("apple", at(7), at(5), at(3), at(2), at(0)) // the name of a member is nothing that was said
	for _, c := range []struct {
		p    api.SearchConversationsParams
		want []int64
	}{
		{api.SearchConversationsParams{ToolName: "Bash"}, []int64{at(2), at(0)}},
		{api.SearchConversationsParams{ToolName: "Bash", Role: api.RoleTool}, []int64{at(2)}},
		{api.SearchConversationsParams{ToolName: "Read"}, []int64{at(3)}},
		{api.SearchConversationsParams{ToolName: "bash"}, nil},
		{api.SearchConversationsParams{Role: api.RoleUser}, nil},
		{api.SearchConversationsParams{Role: api.RoleSystem}, []int64{at(5)}},
	} {
		c.p.Query, c.p.Order = "apple", api.OrderNewest
		var got []int64
		for _, m := range l.all(c.p) {
			got = append(got, m.Seq)
			if c.p.ToolName != "" && m.ToolName != c.p.ToolName {
				t.Errorf("%+v: is of %s", c.p, m.ToolName)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.p, got, c.want)
		}
	}
}

// Better matches come first, and among equals the newest.
func TestTheBestComesFirst(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	row := l.session(func(s *api.Session) { s.Title = "" })
	filler := strings.Repeat("something else entirely ", 40)
	long := l.say(row, "apple "+filler)
	best := l.say(row, "apple apple")
	same := l.say(row, "apple pie")
	newer := l.say(row, "apple pie")
	for range 20 {
		l.say(row, filler)
	}
	var got []int64
	for _, m := range l.all(api.SearchConversationsParams{Query: "apple"}) {
		if got = append(got, m.Seq); m.Title != "do it" || m.WorkingDir != "/home/user" || m.Score <= 0 || m.SessionID != row.Session.ID {
			t.Errorf("%+v", m)
		}
	}
	if want := []int64{best, newer, same, long}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A search that takes too long says what it has not looked at, and its cursor comes
// to that.
func TestASearchThatIsCutShortGoesOn(t *testing.T) {
	t.Parallel()
	o := quick()
	o.shardEvents, o.patience = 2, time.Nanosecond
	l := newLibrary(t, o)
	row := l.session(nil)
	want := []int64{l.say(row, "apple")}
	for range 9 {
		l.say(row, "something")
	}
	l.settle()
	r, err := l.Search(t.Context(), api.SearchConversationsParams{Query: "apple"})
	if err != nil || !r.Partial || r.NextCursor == "" || len(r.Matches) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	l.want("apple", want...)
}

// A cursor is of one search, and of nothing else.
func TestCursors(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	row := l.session(nil)
	l.say(row, "apple one", "apple two", "apple three")
	l.settle()
	p := api.SearchConversationsParams{Query: "apple", Limit: new(1)}
	r, err := l.Search(t.Context(), p)
	if err != nil || r.NextCursor == "" || r.Total != 3 || r.Partial {
		t.Fatalf("%+v, %v", r, err)
	}
	l.say(row, "apple four") // comes to no page of this search
	p.Cursor, p.Limit = r.NextCursor, new(10)
	if r, err := l.Search(t.Context(), p); err != nil || len(r.Matches) != 2 || r.NextCursor != "" {
		t.Errorf("%+v, %v", r, err)
	}
	for name, p := range map[string]api.SearchConversationsParams{
		"other words": {Query: "pear", Cursor: p.Cursor}, "other filter": {Query: "apple", Tag: "x", Cursor: p.Cursor},
		"nonsense": {Query: "apple", Cursor: "nonsense"}, "empty": {Query: "apple", Cursor: "MC4wLjAu"},
	} {
		var e *api.Error
		if _, err := l.Search(t.Context(), p); !errors.As(err, &e) || e.Data["field"] != "cursor" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Params that make no sense are refused with their name.
func TestWrongParams(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	for field, p := range map[string]api.SearchConversationsParams{
		"limit": {Query: "a", Limit: new(0)}, "working_dir": {Query: "a", WorkingDir: "here"}, "session_id": {Query: "a", SessionID: "x"},
		"before": {Query: "a", After: api.FromMillis(5), Before: api.FromMillis(5)}, "query": {Query: `"`},
	} {
		var e *api.Error
		if _, err := l.Search(t.Context(), p); !errors.As(err, &e) || e.Reason != api.ReasonInvalidParams || e.Data["field"] != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// While an index is made of a log that is there already, the daemon can tell how far it is.
func TestTheMakingIsTold(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	row := l.session(nil)
	texts := make([]string, 500)
	for range (building + 1000) / len(texts) {
		l.say(row, texts...)
	}
	l.settle()
	wait := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(wait) })
	o := quick()
	o.Render = func(ev *store.Event) (api.ConversationEvent, error) {
		if ev.Seq > building {
			<-wait
		}
		return render(ev)
	}
	l.reopen(o, func() {
		if err := Discard(l.dir); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(goOn) // before the index is closed
	eventually(t, "it is half done", func() bool {
		w, underWay := l.Work()
		return underWay && w.Kind == api.WorkIndex && w.Done > 0 && w.Done < w.Total && w.Total == l.store.Head() && !w.StartedAt.IsZero()
	})
	goOn()
	eventually(t, "it is done", func() bool { _, underWay := l.Work(); return !underWay })
}

// A state directory that was moved is not made anew in its old place; once it is back,
// the index goes on.
func TestAMovedStateDirectoryIsLeftAlone(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	row := l.session(nil)
	first := l.say(row, "apple")
	l.settle()
	away := l.dir + ".away"
	if err := os.Rename(l.dir, away); err != nil {
		t.Fatal(err)
	}
	second := l.say(row, "apple again")
	eventually(t, "it says so", func() bool { return strings.Contains(l.Health().Problem, "no such file") })
	if _, err := os.Stat(l.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is in its place: %v", err)
	}
	if err := os.Rename(away, l.dir); err != nil {
		t.Fatal(err)
	}
	l.want("apple", second, first)
}
