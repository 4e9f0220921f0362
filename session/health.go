package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

const (
	// healthPatience is how long health waits for a disk that hangs, a database
	// that is locked, or a claude that does not answer.
	healthPatience = 2 * time.Second
	// lookPatience is when such a look is given up, as far as that is possible.
	lookPatience = 30 * time.Second
	// roomOfSession is the free space below which no more sessions should be
	// begun: the reserve of a journal, and as much for the database.
	roomOfSession = 2 * shim.Reserve
)

// errNoAnswer is for what takes longer than health waits.
var errNoAnswer = fmt.Errorf("no answer in %v", healthPatience)

// looks are what health looks at that may hang.
type looks struct {
	database look[api.Health] // the figures of a Health
	disk     look[int64]      // free bytes
	claude   look[api.ClaudeHealth]
}

// look is a look at something that may hang. There is one at a time, however
// many ask.
type look[T any] struct {
	mu   sync.Mutex
	done chan struct{} // of the look under way; nil: there is none
	last T
	err  error
}

// begin begins a look in a goroutine of the manager's, unless one is under way.
// The function that it returns waits for it: when that takes too long, it
// returns what was seen last, and errNoAnswer.
func (l *look[T]) begin(m *Manager, see func(context.Context) (T, error)) func(context.Context) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	done := l.done
	if done == nil {
		done = make(chan struct{})
		l.done = done
		m.wg.Go(func() {
			ctx, cancel := context.WithTimeout(m.ctx, lookPatience)
			defer cancel()
			seen, err := see(ctx)
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.err = err; err == nil {
				l.last = seen
			}
			l.done = nil
			close(done)
		})
	}
	return func(ctx context.Context) (T, error) {
		var late bool
		select {
		case <-done:
		case <-ctx.Done():
			late = true
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if late {
			return l.last, errNoAnswer
		}
		return l.last, l.err
	}
}

// Health says how the sessions are, in a moment, whatever hangs: figures that
// cannot be had are those of the time before. Version, pid and the like are the
// daemon's to fill in.
func (m *Manager) Health(ctx context.Context) (api.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return api.Health{}, errShuttingDown()
	}
	figures := m.looks.database.begin(m, m.figures)
	disk := m.looks.disk.begin(m, m.freeSpace)
	claudeHealth := m.looks.claude.begin(m, m.claudeHealth)
	m.mu.Unlock()

	free, diskErr := disk(ctx)
	h, databaseErr := figures(ctx)
	if h.Sessions == nil {
		h.Sessions = map[api.Status]int{}
	}
	h.Events = api.EventsHealth{HeadSeq: m.store.Head(), OldestSeq: m.store.OldestSeq()}
	h.StateDir = m.cfg.StateDir
	h.Work = m.works.list()
	h.Budget.DailyLimitUSD = m.cfg.DailyBudgetUSD
	var claudeErr error
	if h.Claude, claudeErr = claudeHealth(ctx); claudeErr != nil && !h.Claude.Available {
		h.Claude.Hint = claudeErr.Error()
	}
	h.Problems = slices.Concat(m.databaseProblems(databaseErr), m.diskProblems(free, diskErr), m.paused(), m.stranded(), m.deafness(), m.retention.problems(), h.Problems)
	if !h.Claude.Available {
		h.Problems = append(h.Problems, claude.ErrUnavailable.Error()+": "+strings.TrimPrefix(h.Claude.Hint, claude.ErrUnavailable.Error()+": "))
	}
	h.Status = api.HealthOK
	if len(h.Problems) > 0 {
		h.Status = api.HealthDegraded
	}
	return h, nil
}

// figures are the numbers that are in the database.
func (m *Manager) figures(ctx context.Context) (api.Health, error) {
	var h api.Health
	var err error
	if h.Sessions, err = m.store.StatusCounts(ctx); err != nil {
		return h, wrapf(err, "number of sessions")
	}
	depth, oldest, err := m.store.Inbox(ctx)
	if err != nil {
		return h, wrapf(err, "depth of the inbox")
	}
	h.Inbox.Depth = depth
	if !oldest.IsZero() {
		h.Inbox.OldestAgeMS = max(0, time.Since(oldest.Time).Milliseconds())
	}
	if h.Jobs, h.Problems, err = m.workers.figures(ctx); err != nil {
		return h, wrapf(err, "queue of jobs")
	}
	h.Budget.SpentTodayUSD, err = m.store.Spent(ctx, api.Now())
	return h, wrapf(err, "what was spent")
}

// databaseProblems says what is wrong with the database; err is of the figures.
func (m *Manager) databaseProblems(err error) []string {
	if problem := m.store.Problem(); problem != nil {
		return []string{problem.Error()}
	}
	if err != nil {
		return []string{fmt.Sprintf("the database cannot be read (%v): these figures are older; look into the daemon's log", err)}
	}
	return nil
}

// freeSpace is how many bytes are free on the disk of the state directory.
func (m *Manager) freeSpace(context.Context) (int64, error) {
	if err := m.away(); err != nil {
		return 0, err
	}
	return shim.FreeSpace(m.cfg.StateDir)
}

// errAway: the state directory is not where it was.
var errAway = errors.New("it was moved or removed while the daemon works in it: put it back where it was; sessions go on, and nothing new can begin")

// away is an error if the state directory is not where it was. What is open is
// still written and read, but whatever is looked up by its name is not found, and
// that must not be taken for a session's end.
func (m *Manager) away() error {
	info, err := os.Stat(m.cfg.StateDir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, m.home) {
		return fmt.Errorf("state directory %s: %w", m.cfg.StateDir, errAway)
	}
	return wrapf(err, "state directory")
}

func (m *Manager) diskProblems(free int64, err error) []string {
	switch {
	case errors.Is(err, errAway):
		return []string{err.Error()}
	case errors.Is(err, syscall.EROFS):
		return []string{fmt.Sprintf("the disk of %s is read-only: make it writable", m.cfg.StateDir)}
	case err != nil:
		return []string{fmt.Sprintf("the disk of %s: %v; look at it, and at the kernel's log", m.cfg.StateDir, err)}
	case free < roomOfSession:
		return []string{fmt.Sprintf("the disk of %s has %s left, and a new session needs %s: make room",
			m.cfg.StateDir, humanize.IBytes(uint64(max(0, free))), humanize.IBytes(roomOfSession))}
	}
	return nil
}

// paused says which sessions stand still, one problem for each cause.
func (m *Manager) paused() []string {
	sessions := map[shim.State][]string{}
	m.mu.Lock()
	for id, k := range m.keepers {
		if state := k.State(); state.Held != "" {
			sessions[state] = append(sessions[state], id)
		}
	}
	m.mu.Unlock()
	problems := make([]string, 0, len(sessions))
	for state, ids := range sessions {
		slices.Sort(ids)
		who := fmt.Sprintf("session %s is", ids[0])
		if len(ids) > 1 {
			who = fmt.Sprintf("%d sessions are", len(ids))
		}
		problems = append(problems, fmt.Sprintf("%s paused: %s; %s", who, pauseText(state), m.pauseRemedy(state)))
	}
	slices.Sort(problems)
	return problems
}

// pauseText says why a session stands still; "" if it does not.
func pauseText(state shim.State) string {
	switch state.Held {
	case "":
		return ""
	case shim.HeldDisk:
		return "the disk takes nothing more of what it prints: " + state.Text
	case shim.HeldJournal:
		return "the database is too far behind what it has printed"
	case shim.HeldExit:
		return "its process has exited, and the disk does not take the record of that: " + state.Text
	}
	return state.String()
}

// pauseRemedy says what is to be done about that.
func (m *Manager) pauseRemedy(state shim.State) string {
	then := "it goes on by itself"
	switch {
	case state.Held == shim.HeldJournal:
		return then + " when that has caught up (see max_journal_bytes)"
	case strings.Contains(state.Text, syscall.ENOSPC.Error()):
		return fmt.Sprintf("free at least %s on the disk of %s, and %s", humanize.IBytes(roomOfSession), m.cfg.StateDir, then)
	case strings.Contains(state.Text, syscall.EDQUOT.Error()):
		return fmt.Sprintf("free at least %s of the quota on the disk of %s, and %s", humanize.IBytes(roomOfSession), m.cfg.StateDir, then)
	}
	return fmt.Sprintf("make the disk of %s writable again, and %s", m.cfg.StateDir, then)
}

// keeper knows whether a process stands still: a *shim.Client by what the shim
// says, or a *shim.Warden.
type keeper interface{ State() shim.State }

// hears notes who knows how a session's process is kept.
func (m *Manager) hears(id string, k keeper) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keepers[id] = k
}

// forget notes that a keeper knows it no more. Another one may have come
// meanwhile.
func (m *Manager) forget(id string, k keeper) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keepers[id] == k {
		delete(m.keepers, id)
	}
}

// showPaused marks a session that stands still. That is not kept in the
// database, which may be the very reason.
func (m *Manager) showPaused(ses *api.Session) {
	m.mu.Lock()
	k := m.keepers[ses.ID]
	m.mu.Unlock()
	if k != nil {
		ses.Paused = pauseText(k.State())
	}
}

func (m *Manager) claudeHealth(ctx context.Context) (api.ClaudeHealth, error) {
	program, err := m.program(m.cfg.Environ)
	if err != nil {
		return api.ClaudeHealth{Hint: claude.InstallHint}, nil //nolint:nilerr // the hint says it
	}
	version, err := m.prober.Version(ctx, program, m.cfg.Environ)
	if err != nil {
		return api.ClaudeHealth{Path: program, Hint: err.Error()}, nil //nolint:nilerr // the hint says it
	}
	return api.ClaudeHealth{Path: program, Version: string(version), Available: true}, nil
}
