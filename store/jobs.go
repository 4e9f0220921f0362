package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// JobRow is a job with what clients do not see of it. It has no document: there is
// nothing in it that could be damaged and not the row.
type JobRow struct {
	N   int64 // the order in which they came; filled in by readings
	Job api.Job
	// Due is a time on the clock that nobody sets, of the run of the machine that
	// Boot names. With queued the job is not claimed before, with running its lease
	// ends then.
	Due  time.Duration
	Boot string
	// Lease names the claim: whoever has another one has lost the job. "" unless
	// it is running.
	Lease string

	// Of its session. Readings fill in all of them; SessionN is needed for a new job.
	SessionN               int64
	RunID, ClaudeSessionID string
}

// JobChange is a change of a job, or a new one.
type JobChange struct {
	Row JobRow // as it is from now on
	// Was and Lease are how it has to stand for the change to be made, else it is
	// ErrChanged; an empty Was: it is new, and ErrExists if its session has one of
	// its kind for its seq, ErrNotFound if there is no such session.
	Was   api.JobState
	Lease string
}

const (
	insertJobSQL = `INSERT INTO jobs (id, session, kind, last_seq, state, attempts, max_attempts, reason, retry_at, lease_until,
			created_at, updated_at, due, boot, lease)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	updateJobSQL = `UPDATE jobs SET state = ?, attempts = ?, max_attempts = ?, reason = ?, retry_at = ?, lease_until = ?, updated_at = ?,
			due = ?, boot = ?, lease = ?
		WHERE id = ? AND state = ? AND lease = ?`
)

// changeJob makes c.
func (w *writer) changeJob(c *JobChange) error {
	r, j := &c.Row, &c.Row.Job
	if c.Was == "" {
		there, err := w.stmts.sessionExists.row(make([]driver.Value, 1), r.SessionN)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("session %s: %w", j.SessionID, ErrNotFound)
		}
		inserted, err := w.rarely(insertJobSQL, j.ID, r.SessionN, string(j.Kind), j.LastSeq, string(j.State), int64(j.Attempts),
			int64(j.MaxAttempts), j.Reason, j.RetryAt.Millis(), j.LeaseUntil.Millis(), j.CreatedAt.Millis(), j.UpdatedAt.Millis(),
			int64(r.Due), r.Boot, r.Lease)
		return affected(inserted, err, ErrExists)
	}
	changed, err := w.rarely(updateJobSQL, string(j.State), int64(j.Attempts), int64(j.MaxAttempts), j.Reason, j.RetryAt.Millis(),
		j.LeaseUntil.Millis(), j.UpdatedAt.Millis(), int64(r.Due), r.Boot, r.Lease, j.ID, string(c.Was), c.Lease)
	return affected(changed, err, ErrChanged)
}

const selectJobs = `SELECT j.n, j.id, j.kind, s.id, j.last_seq, j.state, j.attempts, j.max_attempts, j.reason, j.retry_at, j.lease_until,
		j.created_at, j.updated_at, j.due, j.boot, j.lease, s.n, s.run_id, s.claude_session_id
	FROM jobs j JOIN sessions s ON s.n = j.session `

// scanJob reads a row of selectJobs.
func scanJob(scan func(...any) error) (JobRow, error) {
	var r JobRow
	var retry, lease, created, updated int64
	j := &r.Job
	err := scan(&r.N, &j.ID, &j.Kind, &j.SessionID, &j.LastSeq, &j.State, &j.Attempts, &j.MaxAttempts, &j.Reason, &retry, &lease,
		&created, &updated, &r.Due, &r.Boot, &r.Lease, &r.SessionN, &r.RunID, &r.ClaudeSessionID)
	j.RetryAt, j.LeaseUntil = api.FromMillis(retry), api.FromMillis(lease)
	j.CreatedAt, j.UpdatedAt = api.FromMillis(created), api.FromMillis(updated)
	return r, err
}

// oneJob reads the first job of a query, or ErrNotFound.
func (s *Store) oneJob(ctx context.Context, condition string, args ...any) (JobRow, error) {
	if err := s.begin(); err != nil {
		return JobRow{}, err
	}
	defer s.reading.Done()
	r, err := scanJob(s.db.QueryRowContext(ctx, selectJobs+condition, args...).Scan)
	return r, found(err, "job", args[0])
}

// Job returns the job with this id, or ErrNotFound.
func (s *Store) Job(ctx context.Context, id string) (JobRow, error) {
	return s.oneJob(ctx, "WHERE j.id = ?", id)
}

// JobFor returns the job of a kind for a session and a seq, or ErrNotFound.
func (s *Store) JobFor(ctx context.Context, sessionID string, kind api.JobKind, lastSeq int64) (JobRow, error) {
	return s.oneJob(ctx, "WHERE s.id = ? AND j.kind = ? AND j.last_seq = ?", sessionID, string(kind), lastSeq)
}

// ClaimableJob returns the job of these kinds that is to be claimed next at a time
// now of the run of the machine that boot names, or ErrNotFound. A session has one
// job of a kind at work at most; of several that wait the one that reaches furthest
// comes first, since the others may have nothing left to do then.
func (s *Store) ClaimableJob(ctx context.Context, kinds []api.JobKind, now time.Duration, boot string) (JobRow, error) {
	args := []any{int64(now), boot}
	in, args := oneOf("kind", kinds, args)
	return s.oneJob(ctx, `WHERE j.n = (
		SELECT b.n FROM (SELECT session, kind FROM jobs j WHERE state = 'queued' AND (due <= ?1 OR boot <> ?2) AND `+in+`
				AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.session = j.session AND o.kind = j.kind AND o.state = 'running')
				ORDER BY state, n LIMIT 1) a
			JOIN jobs b ON b.session = a.session AND b.kind = a.kind
			WHERE b.state = 'queued' AND (b.due <= ?1 OR b.boot <> ?2) ORDER BY b.last_seq DESC LIMIT 1)`, args...)
}

// RunningJobs returns the jobs that are claimed.
func (s *Store) RunningJobs(ctx context.Context) (running []JobRow, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	err = each(ctx, s.db, selectJobs+"WHERE j.state = 'running' ORDER BY j.n", nil, func(rows *sql.Rows) (bool, error) {
		r, err := scanJob(rows.Scan)
		running = append(running, r)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the jobs that are claimed: %w", err)
	}
	return running, nil
}

// NextJob returns the first time after now at which a job is due that is queued, or a
// lease ends, on the clock of the run of the machine that boot names; ok is false if
// there is none.
func (s *Store) NextJob(ctx context.Context, now time.Duration, boot string) (due time.Duration, ok bool, err error) {
	if err := s.begin(); err != nil {
		return 0, false, err
	}
	defer s.reading.Done()
	var first sql.NullInt64
	err = s.db.QueryRowContext(ctx, `SELECT min(due) FROM jobs WHERE state IN ('queued', 'running') AND boot = ? AND due > ?`, boot, int64(now)).Scan(&first)
	if err != nil {
		return 0, false, fmt.Errorf("read when a job is due: %w", fault(err))
	}
	return time.Duration(first.Int64), first.Valid, nil
}

// DueJobs counts the jobs that are queued and due at a time now of the run of the
// machine that boot names, and returns since when the first is: from the beginning, if
// that was in another run.
func (s *Store) DueJobs(ctx context.Context, now time.Duration, boot string) (first time.Duration, jobs int, err error) {
	if err := s.begin(); err != nil {
		return 0, 0, err
	}
	defer s.reading.Done()
	err = s.db.QueryRowContext(ctx, `SELECT coalesce(min(CASE WHEN boot = ?1 THEN due ELSE 0 END), ?2), count(*) FROM jobs
		WHERE state = 'queued' AND (due <= ?2 OR boot <> ?1)`, boot, int64(now)).Scan(&first, &jobs)
	if err != nil {
		return 0, 0, fmt.Errorf("count the jobs that are due: %w", fault(err))
	}
	return first, jobs, nil
}

// JobFigures counts the jobs.
func (s *Store) JobFigures(ctx context.Context) (h api.JobsHealth, err error) {
	if err := s.begin(); err != nil {
		return h, err
	}
	defer s.reading.Done()
	var oldest int64
	err = s.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(state = 'running'), 0), coalesce(min(created_at), 0),
			(SELECT count(*) FROM jobs WHERE state = 'dead')
		FROM jobs WHERE state IN ('queued', 'running')`).Scan(&h.Depth, &h.Running, &oldest, &h.Failed)
	if err != nil {
		return h, fmt.Errorf("count jobs: %w", fault(err))
	}
	if oldest != 0 {
		h.OldestAgeMS = max(0, time.Since(api.FromMillis(oldest).Time).Milliseconds())
	}
	return h, nil
}

// ListJobs returns a page of the jobs that p asks for, newest first. All but the
// cursor has been validated by the caller.
func (s *Store) ListJobs(ctx context.Context, p api.ListJobsParams) (api.ListJobsResult, error) {
	result := api.ListJobsResult{Jobs: []api.Job{}}
	where, args := []string{"true"}, []any{}
	if len(p.State) > 0 {
		in, more := oneOf("j.state", p.State, args)
		where, args = append(where, in), more
	}
	if len(p.Kind) > 0 {
		in, more := oneOf("+j.kind", p.Kind, args)
		where, args = append(where, in), more
	}
	if p.SessionID != "" {
		where, args = append(where, "j.session = (SELECT n FROM sessions WHERE id = ?)"), append(args, p.SessionID)
	}
	if p.Cursor != "" {
		n, err := parseNumber(p.Cursor)
		if err != nil {
			return result, api.InvalidParams("cursor", "not a next_cursor of listJobs")
		}
		where, args = append(where, "j.n < ?"), append(args, n)
	}
	if err := s.begin(); err != nil {
		return result, err
	}
	defer s.reading.Done()
	limit := listLimit
	if p.Limit != nil {
		limit = *p.Limit
	}
	var last int64
	query := selectJobs + "WHERE " + strings.Join(where, " AND ") + " ORDER BY j.n DESC LIMIT ?"
	err := each(ctx, s.db, query, append(args, limit+1), func(rows *sql.Rows) (bool, error) {
		r, err := scanJob(rows.Scan)
		if err == nil && len(result.Jobs) == limit {
			result.NextCursor = numberCursor(last)
			return false, nil
		}
		last = r.N
		result.Jobs = append(result.Jobs, r.Job)
		return true, err
	})
	if err != nil {
		return api.ListJobsResult{}, fmt.Errorf("list jobs: %w", err)
	}
	return result, nil
}

// numberCursor renders a row's number for clients; they need not understand it.
func numberCursor(n int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, n, 10))
}

// parseNumber is the reverse of numberCursor.
func parseNumber(cursor string) (int64, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err == nil && numberCursor(n) != cursor {
		err = errors.New("not a cursor")
	}
	return n, err
}
