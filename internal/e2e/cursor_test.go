package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// follower is a subscriber that comes back with its last seq whenever its
// connection breaks.
type follower struct {
	name string
	p    api.SubscribeParams

	mu  sync.Mutex // guards got
	got []api.Event
}

func (f *follower) take(ev api.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, ev)
}

func (f *follower) events() []api.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

// reached reports whether the follower has come to seq.
func (f *follower) reached(seq int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.got) > 0 && f.got[len(f.got)-1].Seq >= seq
}

// byClient follows with the Go client, which reconnects by itself.
func (f *follower) byClient(ctx context.Context, w *world) {
	for ev, err := range w.Events(ctx, f.p) {
		if err != nil {
			if ctx.Err() == nil {
				w.t.Errorf("%s: %v", f.name, err)
			}
			return
		}
		f.take(ev)
	}
}

// byHand follows with the bare protocol. It lets go of its connection by itself
// after so many events, and comes back.
func (f *follower) byHand(ctx context.Context, w *world, letGo int) {
	for ctx.Err() == nil {
		conn, err := net.Dial("unix", w.cfg.Socket)
		if err != nil {
			poll(func() bool { // the daemon is away
				conn, err = net.Dial("unix", w.cfg.Socket)
				return err == nil || ctx.Err() != nil
			})
			if err != nil {
				return
			}
		}
		f.readByHand(ctx, w, conn, letGo)
	}
}

func (f *follower) readByHand(ctx context.Context, w *world, conn net.Conn, letGo int) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	p := f.p
	if got := f.events(); len(got) > 0 {
		p.AfterSeq = ptr(got[len(got)-1].Seq)
	}
	request, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": "s", "method": "subscribe", "params": p})
	if err != nil {
		w.t.Error(err)
	}
	_, _ = conn.Write(append(request, '\n')) // if it fails, so does the reading
	lines := bufio.NewReader(conn)
	for n := -1; n < letGo; n++ { // the first line is the answer
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return // what is there of the line is half a line
		}
		var said struct {
			Error  json.RawMessage
			Params struct{ Event api.Event }
		}
		if err := json.Unmarshal(line, &said); err != nil || said.Error != nil {
			w.t.Errorf("%s: %s, %v", f.name, line, err)
			return
		}
		if n >= 0 {
			f.take(said.Params.Event)
		}
	}
}

// fromTheBegin reads what the log has for a subscriber, up to the event seq.
func (w *world) fromTheBegin(p api.SubscribeParams, seq int64) []api.Event {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	p.AfterSeq = ptr(int64(0))
	var events []api.Event
	for ev, err := range w.Events(ctx, p) {
		if err != nil {
			w.t.Fatalf("the log from its begin: %v", err)
		}
		events = append(events, ev)
		if ev.Seq >= seq {
			break
		}
	}
	return events
}

// mark changes a session's title, which is the newest event then, and returns
// its seq. Nothing else may be going on.
func (s *served) mark(id string) int64 {
	s.t.Helper()
	before := s.head()
	if _, err := s.UpdateSession(s.ctx, api.UpdateSessionParams{SessionID: id, Title: ptr(fmt.Sprint("behind ", before))}); err != nil {
		s.t.Fatal(err)
	}
	if after := s.head(); after != before+1 {
		s.t.Fatalf("the title's change is event %d, and the newest is %d", before+1, after)
	}
	return before + 1
}

// TestCursorsAcrossCrashes kills the daemon again and again while sessions print,
// while others are deleted, and while subscribers of every kind follow: each has
// in the end what the log has for it, each event once and in order.
func TestCursorsAcrossCrashes(t *testing.T) {
	t.Parallel()
	const lines, crashes = 250, 6
	s := serveScripted(t, claudecli.Pinned)
	var ids, runs []string
	for range 3 {
		r, err := s.LaunchSession(s.ctx, s.prompt(fmt.Sprintf("emit: %d 430 80", lines)))
		if err != nil {
			t.Fatal(err)
		}
		ids, runs = append(ids, r.SessionID), append(runs, r.RunID)
	}
	zero := ptr(int64(0))
	said := []api.EventType{api.EventConversationUpdated, api.EventSessionUpdated}
	all := &follower{name: "all", p: api.SubscribeParams{AfterSeq: zero}}
	byHand := &follower{name: "all, by hand", p: api.SubscribeParams{AfterSeq: zero}}
	others := []*follower{
		{name: "one session", p: api.SubscribeParams{AfterSeq: zero, SessionID: ids[0]}},
		{name: "one run", p: api.SubscribeParams{AfterSeq: zero, RunID: runs[1]}},
		{name: "types", p: api.SubscribeParams{AfterSeq: zero, EventTypes: append(said, api.EventSessionDeleted)}},
		{name: "session and types", p: api.SubscribeParams{AfterSeq: zero, SessionID: ids[2], EventTypes: said}},
		{name: "run and session", p: api.SubscribeParams{AfterSeq: zero, SessionID: ids[0], RunID: runs[0]}},
	}
	ctx, cancel := context.WithCancel(s.ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	followers := append([]*follower{all, byHand}, others...)
	wg.Go(func() { all.byClient(ctx, s.world) })
	wg.Go(func() { byHand.byHand(ctx, s.world, 1<<30) })
	for i, f := range others {
		hand := &follower{name: f.name + ", by hand", p: f.p}
		followers = append(followers, hand)
		wg.Go(func() { f.byClient(ctx, s.world) })
		wg.Go(func() { hand.byHand(ctx, s.world, 7+30*i) })
	}
	gone := map[string]bool{}
	for crash := range crashes {
		if !poll(func() bool { return len(all.events()) >= len(ids)*lines*(crash+1)/(crashes+2) }) {
			t.Fatalf("only %d events have come", len(all.events()))
		}
		short := s.run("say: hi").ID
		if _, err := s.DeleteSession(s.ctx, api.SessionParams{SessionID: short}); err != nil {
			t.Fatal(err)
		}
		gone[short] = true
		s.killDaemon()
		s.launchDaemon()
	}
	ends := map[string]int64{} // by session or run; "" is the log's
	for _, id := range ids {
		s.until(id, final...)
	}
	for i, id := range ids {
		ends[id] = s.mark(id)
		ends[runs[i]], ends[""] = ends[id], ends[id]
	}
	for _, f := range followers {
		end := ends[f.p.SessionID+f.p.RunID]
		if f.p.SessionID != "" {
			end = ends[f.p.SessionID]
		}
		if !poll(func() bool { return f.reached(end) }) {
			t.Errorf("%s did not come to event %d", f.name, end)
			continue
		}
		compare(t, f, s.fromTheBegin(f.p, end), gone)
	}
	for _, id := range ids {
		if got := numbers(s.conversation(api.GetConversationParams{SessionID: id})); len(got) != lines || !slices.IsSorted(got) {
			t.Errorf("%d lines are stored", len(got))
		}
	}
}

// compare compares what a follower got with what the log has. Of a session that
// was deleted it may have had more than that, while it was there.
func compare(t *testing.T, f *follower, want []api.Event, gone map[string]bool) {
	t.Helper()
	var got []api.Event
	last := int64(0)
	for _, ev := range f.events() {
		if ev.Seq <= last {
			t.Errorf("%s: event %d came behind %d", f.name, ev.Seq, last)
		}
		last = ev.Seq
		if !gone[ev.SessionID] || ev.Type == api.EventSessionDeleted {
			got = append(got, ev)
		}
	}
	for i := range min(len(want), len(got)) {
		if w, g := want[i], got[i]; w.Seq != g.Seq || w.Type != g.Type || w.RunID != g.RunID || !bytes.Equal(w.Data, g.Data) {
			t.Errorf("%s: its event %d is %d %s\n%.500s\nand the log has %d %s\n%.500s", f.name, i, g.Seq, g.Type, g.Data, w.Seq, w.Type, w.Data)
			return
		}
	}
	if len(want) != len(got) {
		t.Errorf("%s got %d events, the log has %d", f.name, len(got), len(want))
	}
}

// TestLateCursorOfADeletedSession comes back, at once or behind a crash, to a
// session that was deleted meanwhile: it is told so, instead of the rest.
func TestLateCursorOfADeletedSession(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	id, other := s.run("emit: 600").ID, s.run("say: hi").ID
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	cursor := int64(0)
	for ev, err := range s.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: &cursor}) {
		if err != nil {
			t.Fatal(err)
		}
		if cursor = ev.Seq; ev.Type == api.EventConversationUpdated {
			break
		}
	}
	if _, err := s.DeleteSession(ctx, api.SessionParams{SessionID: id}); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "behind a crash"} {
		end := s.mark(other)
		for name, p := range map[string]api.SubscribeParams{"its own": {SessionID: id}, "all": {}} {
			p.AfterSeq = &cursor
			var got []api.Event
			for ev, err := range s.Events(ctx, p) {
				if err != nil {
					t.Fatal(err)
				}
				if ev.SessionID == id {
					got = append(got, ev)
				}
				if ev.Seq == end || p.SessionID != "" {
					break
				}
			}
			if len(got) != 1 || got[0].Type != api.EventSessionDeleted {
				t.Errorf("%s, %s: got %d events: %.500s", when, name, len(got), fmt.Sprint(got))
			}
		}
		s.killDaemon() // some of its events may still be in the file
		s.launchDaemon()
	}
}

// TestFollowedLogAcrossCrashes follows sessions on the command line, in each of
// its forms, while the daemon is killed again and again.
func TestFollowedLogAcrossCrashes(t *testing.T) {
	t.Parallel()
	const lines, crashes = 160, 4
	s := serveScripted(t, claudecli.Pinned)
	id := s.launch(s.prompt(fmt.Sprintf("emit: %d 200 40", lines)))
	type followed struct {
		cmd    *exec.Cmd
		stdout *firstByte
		line   string // before a line's number
	}
	var logs []followed
	forms := map[string]string{"": "\nevent ", "--json": `"role":"assistant","content":"event `, "--raw": `"text":"event `}
	for i := range crashes {
		// Each time there is more to catch up with.
		s.when(id, func(api.Session) bool {
			return len(numbers(s.conversation(api.GetConversationParams{SessionID: id}))) > i*lines/(crashes+1)
		})
		for form, line := range forms {
			f := followed{exec.Command(sessiond, strings.Fields("log --follow "+id+" "+form)...), &firstByte{came: make(chan struct{})}, line}
			f.cmd.Env = append(s.environ(), "SESSIOND_STATE_DIR="+s.cfg.StateDir, "SESSIOND_SOCKET="+s.cfg.Socket)
			f.cmd.Stdout = f.stdout
			if err := f.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			logs = append(logs, f)
			if !poll(func() bool { return closed(f.stdout.came) }) {
				t.Fatalf("%s prints nothing", f.cmd)
			}
		}
		s.killDaemon()
		s.launchDaemon()
	}
	for _, f := range logs {
		if err := f.cmd.Wait(); err != nil {
			t.Errorf("%s: %v", f.cmd, err)
		}
		var got []int
		for _, found := range regexp.MustCompile(f.line+`([0-9]+) of `).FindAllSubmatch(f.stdout.all, -1) {
			n, _ := strconv.Atoi(string(found[1])) // it is digits
			got = append(got, n)
		}
		if want := numbers(s.conversation(api.GetConversationParams{SessionID: id})); len(want) != lines || !slices.Equal(got, want) {
			t.Errorf("%s has of %d lines:\n%v", f.cmd, len(want), got)
		}
	}
}

// firstByte keeps what is written, and tells when there is something.
type firstByte struct {
	all  []byte
	came chan struct{}
}

func (b *firstByte) Write(p []byte) (int, error) {
	if b.all == nil {
		close(b.came)
	}
	b.all = append(b.all, p...)
	return len(p), nil
}
