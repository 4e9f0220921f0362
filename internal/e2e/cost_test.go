package e2e

import (
	"math"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestRealCostIsOwn continues and forks sessions: 2.1.329 goes on counting where
// the process before had stopped, or does not, and each session's cost is its
// own all the same.
func TestRealCostIsOwn(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		first := w.run("one")
		check := func(ses api.Session) api.Session {
			t.Helper()
			turns := float64(ses.NumTurns)
			if math.Abs(ses.CostUSD-turns*first.CostUSD) > 1e-9 || ses.InputTokens != 12*int64(turns) || ses.OutputTokens != 20*int64(turns) ||
				ses.CacheReadInputTokens != 5*int64(turns) || ses.CacheCreationInputTokens != 3*int64(turns) {
				t.Errorf("%s: %v turns, cost %v, tokens %d %d %d %d", ses.Query, turns, ses.CostUSD,
					ses.InputTokens, ses.OutputTokens, ses.CacheReadInputTokens, ses.CacheCreationInputTokens)
			}
			return ses
		}
		goOn := func(p api.ContinueSessionParams, text string) api.Session {
			t.Helper()
			p.Query = api.Text(text)
			r, err := w.ContinueSession(w.ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			return check(w.until(r.SessionID, final...))
		}
		check(first)
		second := goOn(api.ContinueSessionParams{SessionID: first.ID}, "two")
		goOn(api.ContinueSessionParams{SessionID: second.ID, Fork: true}, "a fork")
		goOn(api.ContinueSessionParams{SessionID: first.ID, Fork: true}, "an older fork")
		check(w.run("something else"))
		goOn(api.ContinueSessionParams{SessionID: second.ID}, "three")

		p := w.prompt("live")
		p.Interactive = ptr(true)
		live := w.launch(p)
		w.when(live, func(s api.Session) bool { return s.WaitingFor == api.WaitingForMessage })
		if _, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: live, Content: api.Text("more")}); err != nil {
			t.Fatal(err)
		}
		check(w.when(live, func(s api.Session) bool { return s.NumTurns == 2 && s.WaitingFor == api.WaitingForMessage }))
		goOn(api.ContinueSessionParams{SessionID: live, Fork: true}, "a fork of a live one")
	})
}
