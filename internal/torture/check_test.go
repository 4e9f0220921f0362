package torture

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// check compares all that the daemon says with what is known otherwise. Every
// session has ended, and the daemon runs. It stops the daemon.
func (w *world) check(subscribers ...*subscriber) {
	if w.ctx.Err() != nil {
		return // it is said already who was waited for
	}
	events := w.log()
	sessions := w.list()
	for id, k := range w.known {
		if _, listed := sessions[id]; k.launched && listed == k.deleted {
			w.problem("session %s was launched, is deleted: %v, is in the list: %v", id, k.deleted, listed)
		}
	}
	for id, ses := range sessions {
		k := w.known[id]
		switch {
		case k == nil || !k.launched:
			w.problem("session %s was launched by nobody", id)
			continue
		case k.deleted:
			continue
		}
		k.mayLack = k.mayLack || w.neverBegan(ses, sessions)
		w.checkStatus(k, ses, events[id])
		lines := w.lines(id)
		w.checkLines(k, ses, lines)
		w.checkMessages(k, ses, lines)
		w.checkApprovals(k, events[id])
	}
	for _, s := range subscribers {
		w.checkSubscriber(s, events[""])
	}
	w.settleFiles()
	if w.relax != nil {
		w.relax()
	}
	indexed := w.settleIndex()
	w.settleFiles()
	_ = w.client.Close()
	if err := w.daemon.stop(); err != nil {
		w.problem("%v", err)
	}
	w.checkProcesses()
	w.checkFiles()
	w.checkDatabase()
	if indexed {
		w.checkIndex(events[""])
	}
	w.checkLog()
}

// log reads all events there are, by session, and under "" all together.
func (w *world) log() map[string][]api.Event {
	all := map[string][]api.Event{}
	var health api.Health
	err := w.again(func(ctx context.Context) (err error) { health, err = w.client.Health(ctx); return err })
	if err != nil {
		w.problem("health: %v", err)
		return all
	}
	if health.Events.HeadSeq == 0 {
		return all
	}
	var from int64
	for ev, err := range w.client.Events(w.ctx, api.SubscribeParams{AfterSeq: &from}) {
		if err != nil {
			w.problem("events: %v", err)
			break
		}
		all[""] = append(all[""], ev)
		all[ev.SessionID] = append(all[ev.SessionID], ev)
		if ev.Seq >= health.Events.HeadSeq {
			break
		}
	}
	return all
}

// list reads all sessions there are, by id.
func (w *world) list() map[string]api.Session {
	all := map[string]api.Session{}
	limit := 500
	p := api.ListSessionsParams{Limit: &limit}
	for {
		var page api.ListSessionsResult
		err := w.again(func(ctx context.Context) (err error) { page, err = w.client.ListSessions(ctx, p); return err })
		if err != nil {
			w.problem("listSessions: %v", err)
			return all
		}
		for _, ses := range page.Sessions {
			all[ses.ID] = ses
		}
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			return all
		}
	}
}

// checkStatus looks at how a session has ended, and how it came there.
func (w *world) checkStatus(k *known, ses api.Session, events []api.Event) {
	if !ses.Status.Final() {
		w.problem("session %s has not ended: %s", k.id, ses.Status)
		return
	}
	may := map[api.Status]bool{}
	itself := ses.ExitCode != nil && *ses.ExitCode == 0 // before the signal came
	may[api.StatusCompleted] = (!k.childKilled || itself) && !k.shimKilled || k.ended
	may[api.StatusInterrupted] = k.interrupted || k.ended
	may[api.StatusFailed] = k.childKilled || k.shimKilled || w.starved && noRoomToStart(ses.ErrorMessage) ||
		k.mayLack && (strings.HasPrefix(ses.ErrorMessage, "No conversation found") || strings.HasPrefix(ses.ErrorMessage, "No message found"))
	if !may[ses.Status] {
		w.problem("session %s ended %s (%s), but %+v", k.id, ses.Status, ses.ErrorMessage, *k)
	}
	if ses.Status == api.StatusFailed && ses.ErrorMessage == "" {
		w.problem("session %s failed, and does not say why", k.id)
	}
	status := api.Status("")
	for _, ev := range events {
		switch ev.Type {
		case api.EventSessionCreated:
			var created api.Session
			w.decode(ev, &created)
			if status != "" {
				w.problem("session %s was created twice", k.id)
			}
			status = created.Status
		case api.EventSessionStatusChanged:
			var change api.StatusChange
			w.decode(ev, &change)
			if change.OldStatus != status || status.Final() {
				w.problem("session %s: status %s changes from %s to %s (seq %d)", k.id, status, change.OldStatus, change.NewStatus, ev.Seq)
			}
			status = change.NewStatus
		}
	}
	if status != ses.Status {
		w.problem("session %s is %s, but by its events %s", k.id, ses.Status, status)
	}
}

func (w *world) decode(ev api.Event, v any) {
	if err := json.Unmarshal(ev.Data, v); err != nil {
		w.problem("event %d: %v", ev.Seq, err)
	}
}

// line is one that is stored.
type line struct {
	bytes []byte
	whole bool // with its newline
}

// lines reads the lines of a session that are stored, in their order.
func (w *world) lines(id string) []line {
	var all []line
	own := false
	p := api.GetConversationParams{SessionID: id, IncludeRaw: true, IncludeAncestors: &own}
	for {
		var page api.GetConversationResult
		err := w.again(func(ctx context.Context) (err error) { page, err = w.client.GetConversation(ctx, p); return err })
		if err != nil {
			w.problem("getConversation %s: %v", id, err)
			return all
		}
		all = append(all, rawOf(page.Events)...)
		if page.NextAfterSeq == nil {
			return all
		}
		p.AfterSeq = *page.NextAfterSeq
	}
}

// rawOf are the lines that events of a conversation hold.
func rawOf(events []api.ConversationEvent) []line {
	var all []line
	for _, ev := range events {
		switch {
		case ev.Raw != nil:
			all = append(all, line{[]byte(*ev.Raw), !ev.RawUnterminated})
		case ev.RawBase64 != nil:
			all = append(all, line{ev.RawBase64, !ev.RawUnterminated})
		}
	}
	return all
}

// checkLines compares the stored lines with those that were printed. A process
// that ended by itself has all of them stored; of one that was killed those that
// its standard output had taken, and none that it did not mean to print.
func (w *world) checkLines(k *known, ses api.Session, stored []line) {
	base := filepath.Join(w.records, k.id)
	if doubled, err := os.ReadFile(base + ".doubled"); err == nil {
		w.problem("session %s: %s", k.id, doubled)
	}
	all, err := os.ReadFile(base + ".printed")
	if errors.Is(err, fs.ErrNotExist) {
		if len(stored) > 0 {
			w.problem("session %s: %d lines are stored of a process that was not there", k.id, len(stored))
		}
		return
	}
	if err != nil {
		w.problem("%v", err)
		return
	}
	printed := lasting(all)
	for i, l := range stored {
		if i >= len(printed) {
			w.problem("session %s: line %d of %d printed is stored: %.200q", k.id, i, len(printed), l.bytes)
			return
		}
		cut := i == len(stored)-1 && !l.whole && bytes.HasPrefix(printed[i].bytes, l.bytes)
		if !cut && (l.whole != printed[i].whole || !bytes.Equal(l.bytes, printed[i].bytes)) {
			w.problem("session %s: line %d is stored as %.200q, and was printed as %.200q", k.id, i, l.bytes, printed[i].bytes)
			return
		}
	}
	certain := len(printed)
	if k.childKilled || k.forced || k.ended && k.shimKilled || ses.ExitSignal != "" {
		certain = len(lasting(all[:w.written(base)]))
	}
	if len(stored) < certain {
		w.problem("session %s: %d lines are stored of %d that were printed; the first that is missing: %.200q", k.id, len(stored), certain, printed[len(stored)].bytes)
	}
}

// written is how many bytes of a process's output its journal had taken.
func (w *world) written(base string) int64 {
	b, err := os.ReadFile(base + ".written")
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it was killed before it had opened its files
		w.problem("%v", err)
	}
	text := bytes.TrimSpace(b[:bytes.LastIndexByte(b, '\n')+1])
	if len(text) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(text[bytes.LastIndexByte(text, '\n')+1:]), 10, 64)
	if err != nil {
		w.problem("%s.written: %v", base, err)
	}
	return n
}

// lasting are the lines that are to be stored: deltas are not.
func lasting(printed []byte) []line {
	var all []line
	for len(printed) > 0 {
		head, rest, whole := bytes.Cut(printed, []byte("\n"))
		if !bytes.HasPrefix(head, []byte(`{"type":"stream_event"`)) {
			all = append(all, line{head, whole})
		}
		printed = rest
	}
	return all
}

// checkMessages looks at what has become of a session's messages: each was taken
// once, or it is said why not.
func (w *world) checkMessages(k *known, ses api.Session, stored []line) {
	var list api.ListMessagesResult
	err := w.again(func(ctx context.Context) (err error) {
		list, err = w.client.ListMessages(ctx, api.ListMessagesParams{SessionID: k.id})
		return err
	})
	if err != nil {
		w.problem("listMessages %s: %v", k.id, err)
		return
	}
	taken := map[string]int{}
	if b, err := os.ReadFile(filepath.Join(w.records, k.id+".taken")); err == nil {
		for id := range strings.FieldsSeq(string(b)) {
			taken[id]++
		}
	}
	said := startedIn(stored)
	listed := map[string]bool{}
	for i, msg := range list.Messages {
		listed[msg.ID] = true
		times := taken[msg.ID]
		bad := ""
		switch {
		case msg.Position != i:
			bad = "has another place"
		case !msg.State.Final():
			bad = "is not final"
		case times > 1:
			bad = "was taken more than once"
		case msg.State == api.MessageCompleted && times != 1:
			bad = "was not taken"
		case msg.State == api.MessageFailed && msg.Reason == "":
			bad = "does not say why"
		case (msg.Reason == api.MessageNotStarted || msg.State == api.MessageCancelled && !k.interrupted) && said[msg.ID]:
			bad = "had started"
		case msg.Reason == api.MessageNotStarted && times > 0 && !k.childKilled:
			bad = "was taken"
		}
		if bad != "" {
			w.problem("session %s (%s): message %d %s %s; it is %s (%s), taken %d times", k.id, ses.Status, i, msg.ID, bad, msg.State, msg.Reason, times)
		}
	}
	for id, accepted := range k.messages {
		if accepted != listed[id] {
			w.problem("session %s: message %s was accepted: %v, is there: %v", k.id, id, accepted, listed[id])
		}
	}
	for id := range taken {
		if !listed[id] {
			w.problem("session %s: message %s was taken, and nobody has sent it", k.id, id)
		}
	}
}

// startedIn lists the messages whose start is told by the lines.
func startedIn(lines []line) map[string]bool {
	said := map[string]bool{}
	for _, l := range lines {
		var in struct {
			Type  string `json:"type"`
			State string `json:"state"`
			ID    string `json:"command_uuid"`
		}
		if bytes.HasPrefix(l.bytes, []byte(`{"type":"command_lifecycle"`)) && json.Unmarshal(l.bytes, &in) == nil && in.State == "started" {
			said[in.ID] = true
		}
	}
	return said
}

// checkApprovals looks at the questions: each is asked once, resolved once, and
// where nothing came between, the answer has arrived.
func (w *world) checkApprovals(k *known, events []api.Event) {
	asked, resolved := map[string]int{}, map[string]api.Approval{}
	results := map[string]api.ConversationEvent{}
	for _, ev := range events {
		switch ev.Type {
		case api.EventNewApproval, api.EventApprovalResolved:
			var a api.Approval
			w.decode(ev, &a)
			if ev.Type == api.EventNewApproval {
				asked[a.ID]++
				continue
			}
			if _, twice := resolved[a.ID]; twice || asked[a.ID] != 1 {
				w.problem("session %s: approval %s was asked %d times, and resolved again: %v", k.id, a.ID, asked[a.ID], twice)
			}
			resolved[a.ID] = a
		case api.EventConversationUpdated:
			var c api.ConversationEvent
			w.decode(ev, &c)
			if c.EventType == api.ConversationToolResult {
				results[c.ToolResultForID] = c
			}
		}
	}
	for id := range asked {
		a, ok := resolved[id]
		result, there := results[a.ToolUseID]
		switch {
		case !ok:
			w.problem("session %s: approval %s is still open", k.id, id)
		case k.childKilled || k.shimKilled || k.interrupted || k.ended || a.Status == api.ApprovalCancelled:
		case !there:
			w.problem("session %s: the answer to approval %s has had no effect", k.id, id)
		case a.Status == api.ApprovalApproved && *result.IsError, a.Status == api.ApprovalDenied && !*result.IsError:
			w.problem("session %s: approval %s was %s, and the tool says %q", k.id, id, a.Status, result.Content)
		}
	}
}

// checkSubscriber compares what a subscriber was told with the log. Of a session
// that was deleted it may have been told more than is there now.
func (w *world) checkSubscriber(s *subscriber, log []api.Event) {
	var want []seen
	for _, ev := range log {
		want = append(want, seenOf(ev))
	}
	gone := func(ev seen) bool { k := w.known[ev.session]; return k != nil && k.deleted }
	told := slices.DeleteFunc(s.events, gone)
	if want = slices.DeleteFunc(want, gone); len(told) != len(want) {
		w.problem("subscriber %s has %d events of %d", s.name, len(told), len(want))
	}
	for i := range min(len(told), len(want)) {
		if told[i] != want[i] {
			w.problem("subscriber %s: event %d is %d, and in the log %d", s.name, i, told[i].seq, want[i].seq)
			return
		}
	}
}

// checkProcesses looks for what is left. A shim may take a moment to go.
func (w *world) checkProcesses() {
	var left []process
	soon(func() bool { left = w.processes(); return len(left) == 0 })
	if len(left) > 0 {
		w.problem("processes are left: %v", left)
	}
}

// settleFiles waits until the daemon has removed what sessions that have ended do not need:
// it does so a moment after their end, or its own start.
func (w *world) settleFiles() {
	soon(func() bool {
		entries, err := os.ReadDir(filepath.Join(w.daemon.state, "sessions"))
		return err != nil || len(entries) == 0
	})
}

// soon waits for what comes a moment later, but not for ever: who calls it looks whether
// it has come.
func soon(there func() bool) {
	for end := time.Now().Add(patience / 4); !there() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

// checkFiles looks for what deleted sessions have left, and for secrets that
// should have gone with the process that they were for.
func (w *world) checkFiles() {
	entries, err := os.ReadDir(filepath.Join(w.daemon.state, "sessions"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.problem("%v", err)
	}
	for _, entry := range entries {
		w.problem("the directory of session %s is left", entry.Name())
	}
}

// checkDatabase has SQLite look at the database of the daemon that was stopped.
func (w *world) checkDatabase() {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(w.daemon.state, "sessiond.db")+"?mode=ro")
	if err != nil {
		w.problem("%v", err)
		return
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(context.Background(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		w.problem("the database is not whole: %s %v", verdict, err)
	}
	var orphans int
	if err := db.QueryRowContext(context.Background(), "SELECT count(*) FROM pragma_foreign_key_check").Scan(&orphans); err != nil || orphans > 0 {
		w.problem("%d rows belong to nothing: %v", orphans, err)
	}
}

// checkLog looks for errors in the log of the daemon that have no cause here.
func (w *world) checkLog() {
	log, err := os.ReadFile(w.daemon.log)
	if err != nil {
		w.problem("%v", err)
	}
	for l := range strings.Lines(string(log)) {
		ofTheDisk := w.starved && ofFullDisk(l)
		if strings.Contains(l, "panic") || strings.Contains(l, "DATA RACE") || strings.Contains(l, "ERR") && !ofTheDisk {
			w.problem("the daemon's log: %s", strings.TrimSpace(l))
		}
	}
}

// neverBegan tells whether the conversation that a session continues may not exist:
// there was no room to start the process that was to begin it.
func (w *world) neverBegan(ses api.Session, sessions map[string]api.Session) bool {
	for w.starved && ses.ParentSessionID != "" {
		parent, listed := sessions[ses.ParentSessionID]
		if !listed || noRoomToStart(parent.ErrorMessage) { // how a deleted one ended nobody knows
			return true
		}
		ses = parent
	}
	return false
}

// ofFullDisk tells whether a text names a disk without room as the cause.
func ofFullDisk(text string) bool {
	return slices.ContainsFunc([]string{syscall.ENOSPC.Error(), store.ErrFull.Error(), "database or disk is full"},
		func(cause string) bool { return strings.Contains(text, cause) })
}

// noRoomToStart tells whether a session failed because there was no room to start
// its process. One that runs does not fail of that: it stands still.
func noRoomToStart(message string) bool {
	return strings.HasPrefix(message, "Claude Code could not be started: ") && ofFullDisk(message)
}
