package session

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// Bounds of a page of observations. One that finds little ends when its time is up.
const (
	defaultObservations = 100
	maxObservations     = 1000
	observationRows     = 256
	observationTime     = 500 * time.Millisecond
)

// ListObservations reads a page of the tool uses of all sessions, or of one.
func (m *Manager) ListObservations(ctx context.Context, p api.ListObservationsParams) (api.ListObservationsResult, error) {
	result := api.ListObservationsResult{Observations: []api.Observation{}, HeadSeq: m.store.Head()}
	limit, err := checkLimit(p.Limit, defaultObservations, maxObservations)
	if err != nil {
		return result, err
	}
	if p.AfterSeq < 0 {
		return result, api.InvalidParams("after_seq", "%d is negative", p.AfterSeq)
	}
	f := store.CallFilter{Since: p.Since, Until: p.Until, Unprocessed: p.Unprocessed}
	if p.SessionID != "" {
		id, err := api.ParseID("session_id", p.SessionID)
		if err != nil {
			return result, err
		}
		row, err := m.row(ctx, id)
		if err != nil {
			return result, err
		}
		f.SessionN = row.N
	}
	if p.ToolName != "" {
		f.Keep = func(ev *store.Event) bool { return glob(p.ToolName, m.shown(ev).ToolName) }
	}
	dirs := map[string]string{}
	at, size := p.AfterSeq, 0
	for deadline := time.Now().Add(observationTime); at < result.HeadSeq && len(result.Observations) < limit && size < maxPageBytes && time.Now().Before(deadline); {
		calls, upTo, err := m.store.ToolCalls(ctx, at, min(observationRows, limit-len(result.Observations)), f)
		if err != nil {
			return result, wrapf(err, "observations")
		}
		for i := range calls {
			if size > 0 && size+weight(&calls[i]) > maxPageBytes {
				upTo, size = calls[i].Seq-1, maxPageBytes
				break
			}
			size += weight(&calls[i])
			ob, err := m.observation(ctx, &calls[i], dirs)
			if err != nil {
				return result, err
			}
			result.Observations = append(result.Observations, ob)
		}
		at = upTo
	}
	if at < result.HeadSeq {
		result.NextAfterSeq = &at
	}
	return result, nil
}

// weight is about what a call adds to a page.
func weight(c *store.Call) int {
	n := len(c.Line)
	if c.Result != nil {
		n += len(c.Result.Line)
	}
	return n
}

// observation renders a tool call and its answer. dirs are the directories of sessions
// by id, as far as they were looked up.
func (m *Manager) observation(ctx context.Context, c *store.Call, dirs map[string]string) (api.Observation, error) {
	call := m.shown(&c.Event)
	ob := api.Observation{Seq: c.Seq, SessionID: c.SessionID, ClaudeSessionID: call.ClaudeSessionID, ToolID: call.ToolID, ToolName: call.ToolName,
		ToolInput: call.ToolInput, PromptNumber: c.Prompt, ParentToolUseID: call.ParentToolUseID, CreatedAt: c.Time}
	ob.ClaudeSessionID = cmp.Or(ob.ClaudeSessionID, c.ClaudeSessionID)
	if c.Result != nil {
		answer := m.shown(c.Result)
		ob.ResponseSeq, ob.Response, ob.IsError, ob.RespondedAt = c.Result.Seq, answer.Content, deref(answer.IsError), c.Result.Time
	}
	if ob.WorkingDir = gjson.GetBytes(c.Line, "cwd").Str; filepath.IsAbs(ob.WorkingDir) {
		ob.WorkingDir = strings.Clone(ob.WorkingDir)
		return ob, nil
	}
	dir, known := dirs[c.SessionID]
	if !known {
		row, err := m.row(ctx, c.SessionID)
		if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) { // it may be deleted meanwhile
			return ob, err
		}
		dir = row.Session.WorkingDir
		dirs[c.SessionID] = dir
	}
	ob.WorkingDir = dir
	return ob, nil
}
