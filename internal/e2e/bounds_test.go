package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestTenThousandIdleConnections beside which sessions run, and others are
// served; and each of which still works.
func TestTenThousandIdleConnections(t *testing.T) {
	t.Parallel()
	n := 10_000
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	if most := int(min(files.Cur, 1<<20)); most*3/4 < n+50 { // of the daemon's, and of ours
		n = most * 2 / 3
		t.Logf("there may be %d open files: with %d connections", most, n)
	}
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	s := serve(t, w)
	beside := s.run("say: beside")
	alone := s.pace(beside.ID)
	idle := make([]net.Conn, n)
	for i := range idle {
		for idle[i] == nil {
			conn, err := net.Dial("unix", s.cfg.Socket)
			if err != nil && !errors.Is(err, syscall.EAGAIN) { // faster than the daemon accepts
				t.Fatalf("connection %d: %v", i, err)
			}
			idle[i] = conn
		}
		defer idle[i].Close()
	}
	s.notSlower(alone, s.pace(beside.ID))
	ses := s.run("emit: 500\nsay: done")
	if ses.Status != api.StatusCompleted || ses.Result != "done" {
		t.Errorf("%s: %s", ses.Status, ses.Result)
	}
	if events := s.log(ses.ID); len(events) < 500 {
		t.Errorf("%d events", len(events))
	}
	for i, conn := range idle {
		if _, err := fmt.Fprintf(conn, `{"jsonrpc":"2.0","id":%d,"method":"getSessionState","params":{"session_id":%q}}`+"\n", i, ses.ID); err != nil {
			t.Fatal(err)
		}
	}
	for i, conn := range idle {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		line, err := bufio.NewReaderSize(conn, 512).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result"`, i)) {
			t.Fatalf("connection %d: %v, %.200s", i, err, line)
		}
	}
}

// pace is what a call usually takes.
func (w *world) pace(id string) time.Duration {
	w.t.Helper()
	took := make([]time.Duration, 101)
	for i := range took {
		began := time.Now()
		if _, err := w.GetSessionState(w.ctx, api.SessionParams{SessionID: id}); err != nil {
			w.t.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// notSlower compares the pace beside a crowd with that without it. On a machine
// that has much else to do both vary, but not by that much.
func (w *world) notSlower(alone, beside time.Duration) {
	w.t.Helper()
	w.t.Logf("a call takes %v alone, and %v beside the crowd", alone, beside)
	if beside > 10*alone+20*time.Millisecond {
		w.t.Errorf("a call takes %v alone, and %v beside the crowd", alone, beside)
	}
}

// TestSlowSubscribersOfADaemon get everything when they read again, and hold up
// nobody meanwhile.
func TestSlowSubscribersOfADaemon(t *testing.T) {
	t.Parallel()
	const subscribers, reading, events = 1000, 300, 300
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	s := serve(t, w)
	beside := s.run("say: beside")
	alone := s.pace(beside.ID)
	slow := make([]net.Conn, subscribers)
	for i := range slow {
		var err error
		if slow[i], err = net.Dial("unix", s.cfg.Socket); err != nil {
			t.Fatal(err)
		}
		defer slow[i].Close()
		if _, err := io.WriteString(slow[i], `{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"after_seq":0}}`+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	ses := s.run(fmt.Sprintf("emit: %d 4096\nsay: done", events)) // more than queue and socket hold
	s.notSlower(alone, s.pace(beside.ID))
	want := slices.Concat(s.log(beside.ID), s.log(ses.ID))
	slices.SortFunc(want, func(a, b api.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	if len(want) < events || ses.Status != api.StatusCompleted {
		t.Fatalf("%d events, %s", len(want), ses.Status)
	}
	for i, conn := range slow[:reading] {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		r := bufio.NewReader(conn)
		for n := -1; n < len(want); n++ { // the answer first
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("subscriber %d, line %d: %v", i, n, err)
			}
			if n >= 0 && !strings.Contains(line, fmt.Sprintf(`"event":{"seq":%d,`, want[n].Seq)) {
				t.Fatalf("subscriber %d: want seq %d, got %.200s", i, want[n].Seq, line)
			}
		}
	}
}

// TestWhatWaitsIsBounded: the bounds of the configuration are the daemon's.
func TestWhatWaitsIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	w.cfg.MaxSessions = 1
	w.cfg.MaxInbox, w.cfg.MaxInboxBytes, w.cfg.MaxQueuedSessions = 2, 4096, 1
	w.cfg.MaxPendingBytes = 64<<10 + 1000
	w.start()
	met := func(err error, setting string, limit float64) {
		t.Helper()
		e, ok := errors.AsType[*api.Error](err)
		if !ok || e.Reason != api.ReasonLimitExceeded || e.Data["setting"] != setting || e.Data["limit"] != limit {
			t.Errorf("%s: got %v", setting, err)
		}
	}
	live := w.launch(w.prompt("say: here\nsilence"))
	w.heard(live, "here") // its prompt waits no more
	w.launch(w.prompt("say: x"))
	_, err := w.LaunchSession(w.ctx, w.prompt("say: x"))
	met(err, "max_queued_sessions", 1)
	_, err = w.LaunchSession(w.ctx, w.prompt(strings.Repeat("x", 4095)))
	met(err, "max_inbox_bytes", 4096)
	_, err = w.LaunchSession(w.ctx, w.prompt(strings.Repeat("x", 64<<10)))
	met(err, "max_inbox_bytes", 4096)
	_, err = w.LaunchSession(w.ctx, w.prompt(strings.Repeat("x", 64<<10+1000)))
	met(err, "max_pending_bytes", 64<<10+1000)
	for range 2 {
		if _, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: live, Content: api.Text("say: x")}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.SendMessage(w.ctx, api.SendMessageParams{SessionID: live, Content: api.Text("say: x")})
	met(err, "max_inbox", 2)
	// Another daemon, with lower bounds, keeps what waits there.
	w.stop()
	w.cfg.MaxInbox = 1
	w.start()
	if n := len(w.inbox(live)); n != 3 {
		t.Errorf("%d messages", n)
	}
}

// TestLongLinesComeInPieces: at the bound a line is understood, one byte beyond it
// every byte is kept, in pieces.
func TestLongLinesComeInPieces(t *testing.T) {
	t.Parallel()
	const bound = 1 << 20
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	w.cfg.MaxLineBytes = bound
	w.start()
	ses := w.run(fmt.Sprintf("emit: 1 %d\nemit: 1 %d\nsay: done", bound, bound+1))
	if ses.Status != api.StatusCompleted || ses.Result != "done" {
		t.Errorf("%s: %.100s", ses.Status, ses.Result)
	}
	var long []api.ConversationEvent
	for _, ev := range w.conversation(api.GetConversationParams{SessionID: ses.ID, IncludeRaw: true}) {
		if ev.EventType == api.ConversationUnparsed || ev.Raw != nil && len(*ev.Raw) > bound/2 {
			long = append(long, ev)
		}
	}
	if len(long) != 3 {
		t.Fatalf("%d events", len(long))
	}
	whole, piece, rest := long[0], long[1], long[2]
	if whole.EventType != api.ConversationMessage || len(*whole.Raw) != bound || whole.RawUnterminated {
		t.Errorf("at the bound: %s, %d bytes", whole.EventType, len(*whole.Raw))
	}
	if piece.EventType != api.ConversationUnparsed || len(*piece.Raw) != bound || !piece.RawUnterminated || rest.RawUnterminated {
		t.Errorf("beyond it: %s, %d bytes", piece.EventType, len(*piece.Raw))
	}
	if line := *piece.Raw + *rest.Raw; len(line) != bound+1 || !json.Valid([]byte(line)) {
		t.Errorf("the pieces make %d bytes", len(line))
	}
}
