package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// Bounds of a call of pruneSessions: it ends with the session that it is at when
// the time is up, and says where the next call goes on.
const (
	defaultPrune = 50
	maxPrune     = 500
	pruneTime    = time.Second
)

// titleLength is how many characters of a title, or prompt, are told of what
// was pruned.
const titleLength = 80

// PruneSessions archives final sessions in which nothing has happened since a
// moment, nor in any session whose conversation begins with theirs, and then
// deletes them. No session goes before its archive is on the disk and was read
// back, and none that anything which stays stands on.
func (m *Manager) PruneSessions(ctx context.Context, p api.PruneSessionsParams) (api.PruneSessionsResult, error) {
	return m.prune(ctx, p, api.DeletedByClient, func(string, error) {})
}

// prune is PruneSessions that tells why a session could not be pruned.
func (m *Manager) prune(ctx context.Context, p api.PruneSessionsParams, by api.DeletedBy, failed func(id string, err error)) (api.PruneSessionsResult, error) {
	result := api.PruneSessionsResult{Pruned: []api.PrunedSession{}, Failed: []api.PruneFailure{}}
	limit, err := checkLimit(p.Limit, defaultPrune, maxPrune)
	if err != nil {
		return result, err
	}
	if p.ArchiveDir = cmp.Or(p.ArchiveDir, m.archiveDir()); !filepath.IsAbs(p.ArchiveDir) {
		return result, api.InvalidParams("archive_dir", "%q is not an absolute path", p.ArchiveDir)
	}
	m.retention.pruning.Lock() // two would write the same archives
	defer m.retention.pruning.Unlock()
	plan, err := m.planPrune(ctx, p)
	if err != nil {
		return result, err
	}
	plan.by = by
	step := "archiving and deleting"
	if p.DryRun {
		step = "looking at what would go"
	}
	pruning := m.works.begin(api.WorkPrune, "", step)
	defer pruning.end()
	done := 0
	for start := time.Now(); done < min(limit, len(plan.due)) && (done == 0 || time.Since(start) < pruneTime); done++ {
		due := &plan.due[done]
		pruning.tell(step, int64(done), int64(len(plan.due)), "sessions")
		var pruned api.PrunedSession
		err := guard(func() (err error) { pruned, err = m.pruneOne(ctx, &plan, due, p); return err })
		if err == nil {
			result.Pruned = append(result.Pruned, pruned)
			continue
		}
		plan.keep(due.Ancestors)
		switch {
		case ctx.Err() != nil:
			return result, m.closing(ctx.Err())
		case errors.Is(err, errKept):
			plan.held++
		default:
			m.log.Error("session not pruned", "session", due.ID, "error", err)
			failed(due.ID, err)
			result.Failed = append(result.Failed, api.PruneFailure{SessionID: due.ID, Error: told(err)})
		}
	}
	result.Held = plan.held
	if result.Remaining = len(plan.due) - done; result.Remaining > 0 {
		result.NextCursor = strconv.FormatInt(plan.due[done-1].N, 10)
	} else if !p.DryRun {
		m.wg.Go(m.giveBack)
	}
	return result, nil
}

// giveBack gives the room of what was pruned back to the disk. That takes as long
// as it takes, and nobody waits for it.
func (m *Manager) giveBack() {
	if _, err := m.store.Vacuum(m.ctx); err != nil && !errors.Is(err, store.ErrClosed) && m.ctx.Err() == nil {
		m.log.Warn("room not given back to the disk", "error", err)
	}
}

func (m *Manager) archiveDir() string {
	return cmp.Or(m.cfg.Retention.ArchiveDir, filepath.Join(m.cfg.StateDir, "archive"))
}

// prunePlan says what may go: the youngest first, so that no session goes before
// those that stand on it.
type prunePlan struct {
	due    []store.Outline
	held   int // old enough, but something that stays stands on them
	quiet  map[int64]int64
	newest int64          // the highest number when the plan was made
	kept   map[int64]bool // what sessions stand on that were to go and stayed
	by     api.DeletedBy  // who has them go
}

// planPrune finds the sessions that may go, behind the cursor. What lies before
// that and is still there was tried, and stays.
func (m *Manager) planPrune(ctx context.Context, p api.PruneSessionsParams) (prunePlan, error) {
	plan := prunePlan{kept: map[int64]bool{}}
	cursor := int64(math.MaxInt64)
	if p.Cursor != "" {
		var err error
		if cursor, err = strconv.ParseInt(p.Cursor, 10, 64); err != nil {
			return plan, api.InvalidParams("cursor", "not a next_cursor of pruneSessions")
		}
	}
	all, err := m.store.Outlines(ctx, p.Tag, 0)
	if err != nil {
		return plan, wrapf(err, "sessions to prune")
	}
	plan.quiet = quietSince(all)
	before := p.Before.Millis()
	for _, o := range slices.Backward(all) {
		plan.newest = max(plan.newest, o.N)
		switch {
		case !o.Status.Final() || !o.Tagged || o.LastActivityAt.Millis() >= before:
		case plan.quiet[o.N] >= before:
			plan.held++
		case o.N < cursor:
			plan.due = append(plan.due, o)
		case !p.DryRun:
			plan.keep(o.Ancestors)
		}
	}
	return plan, nil
}

// quietSince says of each session by number since when nothing has happened in
// it, or in any whose conversation begins with its. What is never to go is never
// quiet.
func quietSince(all []store.Outline) map[int64]int64 {
	quiet := make(map[int64]int64, len(all))
	for i := range all {
		o := &all[i]
		own := o.LastActivityAt.Millis()
		if !o.Status.Final() || !o.Tagged {
			own = math.MaxInt64
		}
		quiet[o.N] = max(quiet[o.N], own)
		for _, a := range o.Ancestors { // all of them, the ancestors' ancestors too
			quiet[a.N] = max(quiet[a.N], own)
		}
	}
	return quiet
}

func (p *prunePlan) keep(ancestors []store.Segment) {
	for _, a := range ancestors {
		p.kept[a.N] = true
	}
}

// errKept is for a session that may not go after all: it was changed or deleted,
// or another stands on it now.
var errKept = errors.New("the session stays")

// pruneOne archives a session and deletes it, or says what that would come to.
func (m *Manager) pruneOne(ctx context.Context, plan *prunePlan, due *store.Outline, p api.PruneSessionsParams) (api.PrunedSession, error) {
	var pruned api.PrunedSession
	if plan.kept[due.N] {
		return pruned, errKept
	}
	if due.Damage != nil {
		return pruned, due.Damage
	}
	row, err := m.store.Session(ctx, due.ID)
	if errors.Is(err, store.ErrNotFound) {
		return pruned, errKept
	}
	if err != nil {
		return pruned, err
	}
	ses := &row.Session
	pruned = api.PrunedSession{SessionID: ses.ID, Title: shortTitle(ses),
		Status: ses.Status, LastActivityAt: ses.LastActivityAt}
	if pruned.Events, pruned.Bytes, err = m.store.SessionSize(ctx, row.N); err != nil || p.DryRun {
		return pruned, err
	}
	written, err := m.archive(ctx, row, pruned.Events, p.ArchiveDir)
	if err != nil {
		return pruned, fmt.Errorf("archive: %w", err)
	}
	crashpoint.Reach(crashpoint.PruneArchived)
	pruned.Archive, pruned.Events = written.path, written.events
	if err := m.deleteArchived(ctx, plan, row, written); err != nil {
		return pruned, err
	}
	crashpoint.Reach(crashpoint.PruneDeleted)
	m.log.Info("session pruned", "session", ses.ID, "events", pruned.Events, "bytes", pruned.Bytes, "archive", pruned.Archive)
	return pruned, nil
}

// deleteArchived deletes a session that is still as it was archived, and that
// nothing new stands on.
func (m *Manager) deleteArchived(ctx context.Context, plan *prunePlan, row store.SessionRow, written archived) error {
	m.creating.Lock() // nothing may begin to continue it meanwhile
	defer m.creating.Unlock()
	m.editing.Lock()
	defer m.editing.Unlock()
	newer, err := m.store.Outlines(ctx, "", plan.newest)
	if err != nil {
		return err
	}
	for i := range newer {
		plan.keep(newer[i].Ancestors)
	}
	changed, _, err := m.store.Log(ctx, written.upTo, 1, store.Filter{SessionID: row.Session.ID})
	if err != nil {
		return err
	}
	if len(changed) > 0 || plan.kept[row.N] {
		return errKept
	}
	return m.erase(ctx, row, api.SessionDeletion{DeletedBy: plan.by, Archive: written.path})
}

// oneLine makes one line of a text, of at most so many characters.
func oneLine(text string, most int) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}

// shortTitle names a session on a line: by its title, else its first prompt.
func shortTitle(ses *api.Session) string {
	return oneLine(cmp.Or(ses.Title, ses.Query), titleLength)
}
