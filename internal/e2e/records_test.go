package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session"
)

// named fails the test unless an error, which a client was told, names a record and
// the next step.
func (w *world) named(err error, record string) {
	w.t.Helper()
	told, ok := errors.AsType[*api.Error](err)
	if !ok || !strings.Contains(told.Message, record) || !strings.Contains(told.Message, "damaged") || told.Data["hint"] == nil {
		w.t.Errorf("an error that is to name %s: %#v", record, err)
	}
}

// names waits until health says that a record is damaged, and what to do.
func (w *world) names(record string) {
	w.t.Helper()
	w.problems(func(text string) bool {
		return strings.Contains(text, record) && strings.Contains(text, "damaged") && strings.Contains(text, "restore")
	})
}

// TestDamagedApproval has one question of which the record cannot be read: the others
// are shown and answered. Health names it until it is written anew, which the end of
// its session does.
func TestDamagedApproval(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	bad, good := w.interactive(`ask: Bash {"command":"x"}`), w.interactive(`ask: Bash {"command":"y"}`)
	lost, other := w.asked(bad), w.asked(good)
	others := func(when string, want ...string) {
		t.Helper()
		r, err := w.FetchApprovals(w.ctx, api.FetchApprovalsParams{})
		got := []string{}
		for _, a := range r.Approvals {
			got = append(got, a.ID)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", when, got, err)
		}
	}
	w.alter("UPDATE approvals SET document = '{bad' WHERE id = ?", lost.ID)
	others("damaged", other.ID)
	_, err := w.SendDecision(w.ctx, api.SendDecisionParams{ApprovalID: lost.ID, Decision: api.DecisionApprove})
	w.named(err, lost.ID)
	w.names(lost.ID)
	if f := w.diagnose(false)["records"]; len(f) != 1 || f[0].Level != daemon.LevelBad || !strings.Contains(f[0].Detail, lost.ID) {
		t.Errorf("doctor: %+v", f)
	}

	w.stop()
	w.start()
	if ses := w.until(bad, final...); ses.Status != api.StatusFailed || !strings.Contains(ses.ErrorMessage, lost.ID) {
		t.Errorf("%s, %q", ses.Status, ses.ErrorMessage)
	}
	if r, err := w.GetApproval(w.ctx, api.ApprovalParams{ApprovalID: lost.ID}); err != nil || r.Approval.Status != api.ApprovalCancelled {
		t.Errorf("it was not written anew: %+v, %v", r.Approval, err)
	}
	w.well() // once the other session's process has answered, and claude has said its version
	if f := w.diagnose(false)["records"]; len(f) != 1 || f[0].Level != daemon.LevelOK {
		t.Errorf("doctor: %+v", f)
	}
	others("after the end of its session", other.ID)
	w.decide(api.SendDecisionParams{ApprovalID: other.ID, Decision: api.DecisionApprove})
	w.idle(good, 1)
	others("answered")
}

// TestDamagedMessage has one message of which the record cannot be read: the others
// of its session are listed, and health names it.
func TestDamagedMessage(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	id := w.interactive("say: one")
	w.idle(id, 1)
	lost := w.say(id, "say: two")
	w.idle(id, 2)
	w.alter("UPDATE messages SET content = 'x' WHERE id = ?", lost.ID)
	if inbox := w.inbox(id); len(inbox) != 1 || inbox[0].ID == lost.ID {
		t.Errorf("messages: %+v", inbox)
	}
	_, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("say: two"), MessageID: lost.ID})
	w.named(err, lost.ID)
	w.names(lost.ID)
	w.end(id)
	if _, err := w.DeleteSession(w.ctx, api.SessionParams{SessionID: id}); err != nil {
		t.Fatal(err)
	}
	w.well() // nothing damaged is left
}

// TestDamagedOptions has one session of which what it was launched with cannot be
// read: the others are pruned, but for what it stands on, and whoever asks for what
// needs it is told so.
func TestDamagedOptions(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{"torn": "{bad", "no object": "7", "another shape": `{"ancestors":{"N":1}}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, claudecli.Pinned)
			parent, other := w.run("say: one").ID, w.run("say: other").ID
			r, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent, Query: api.Text("say: two")})
			if err != nil {
				t.Fatal(err)
			}
			bad := r.SessionID
			w.until(bad, final...)
			w.alter("UPDATE session_launches SET options = ? WHERE n = (SELECT n FROM sessions WHERE id = ?)", damage, bad)
			_, err = w.GetConversation(w.ctx, api.GetConversationParams{SessionID: bad})
			w.named(err, bad)
			own, err := w.GetConversation(w.ctx, api.GetConversationParams{SessionID: bad, IncludeAncestors: ptr(false)})
			if err != nil || len(own.Events) == 0 {
				t.Errorf("its own part: %d events, %v", len(own.Events), err)
			}
			_, err = w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: bad, Query: api.Text("say: three")})
			w.named(err, bad)
			pruned := w.prune(api.PruneSessionsParams{Before: api.At(time.Now().Add(time.Hour)), ArchiveDir: t.TempDir()})
			if len(pruned.Pruned) != 1 || pruned.Pruned[0].SessionID != other || len(pruned.Failed) != 1 || pruned.Failed[0].SessionID != bad ||
				!strings.Contains(pruned.Failed[0].Error, "damaged") || !strings.Contains(pruned.Failed[0].Error, "delete") {
				t.Errorf("pruned: %+v", pruned)
			}
			if w.gone(parent) {
				t.Error("what it stands on is gone")
			}
			w.names(bad)
		})
	}
}

// TestDamagedStateIsOneSession has one session whose engine's state cannot be read:
// a call for many sessions does what it can, and names it.
func TestDamagedStateIsOneSession(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	bad, good := w.run("say: one").ID, w.run("say: two").ID
	w.alter("UPDATE session_engines SET state = 'x' WHERE n = (SELECT n FROM sessions WHERE id = ?)", bad)
	r, err := w.ArchiveSessions(w.ctx, api.ArchiveSessionsParams{SessionIDs: []string{bad, good}, Archived: true})
	if err != nil || len(r.Failed) != 1 || r.Failed[0].SessionID != bad || !slices.Equal(r.Archived, []string{good}) {
		t.Errorf("%+v, %v", r, err)
	}
	w.names(bad)
}

// TestRetentionPassesOverDamage has the oldest session damaged: the next ones go in its
// place until the bound holds, and health says what stays.
func TestRetentionPassesOverDamage(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"options":  "UPDATE session_launches SET options = '{bad' WHERE n = (SELECT n FROM sessions WHERE id = ?)",
		"message":  "UPDATE messages SET document = '{bad' WHERE session = (SELECT n FROM sessions WHERE id = ?)",
		"an event": "UPDATE events SET data = '{bad' WHERE type = 'message_updated' AND session = (SELECT n FROM sessions WHERE id = ?)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, claudecli.Pinned)
			const size = 1_000_000
			bad := w.run(fmt.Sprintf("bigline: %d", size)).ID
			others := []string{}
			for range 3 {
				others = append(others, w.run(fmt.Sprintf("bigline: %d", size)).ID)
			}
			w.stop()
			w.age(append([]string{bad}, others...)...)
			w.alter(damage, bad)
			w.cfg.Retention = session.Retention{MaxBytes: 2.8 * size, ArchiveDir: filepath.Join(t.TempDir(), "archives")}
			w.start()
			gone := w.deleted(2)
			slices.Sort(gone)
			if !slices.Equal(gone, others[:2]) || w.gone(bad) || w.gone(others[2]) {
				t.Errorf("gone: %v of %v", gone, others)
			}
			w.problems(func(text string) bool {
				return strings.Contains(text, "could not be pruned") || strings.Contains(text, bad)
			})
		})
	}
}

// TestDamagedEvent has one event of which what stands in it is no JSON: subscribers get
// all others, each of which is whole, and health names it.
func TestDamagedEvent(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	id := w.run("say: one").ID
	want, lost := []int64{}, int64(0)
	for _, ev := range w.log(id) {
		if lost == 0 && ev.Type == api.EventMessageUpdated {
			lost = ev.Seq
		} else {
			want = append(want, ev.Seq)
		}
	}
	w.stop()
	w.alter("UPDATE events SET data = '{bad' WHERE seq = ?", lost)
	w.start()
	got := []int64{}
	for _, ev := range w.log(id) {
		got = append(got, ev.Seq)
	}
	if len(got) < len(want) || !slices.Equal(got[:len(want)], want) { // log adds one itself
		t.Errorf("events %v, want %v", got, want)
	}
	w.problems(func(text string) bool { return strings.Contains(text, fmt.Sprintf("event %d:", lost)) })
}
