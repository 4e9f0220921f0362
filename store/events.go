package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// Event is one row of the log. On append the caller fills in everything but Seq.
type Event struct {
	Seq int64
	// SessionN is the number of the session. On append it may be 0 in a batch
	// that creates or deletes its session, and is filled in.
	SessionN                          int64
	SessionID, RunID, ClaudeSessionID string
	Type                              api.EventType
	Time                              api.Time
	// Data is what clients get as data, without seq, of every event that does
	// not come from a line of Claude Code's.
	Data json.RawMessage

	// Kind and ToolID are for conversation_updated only. ToolID is the id of a
	// tool_call, or of the call that a tool_result is for.
	Kind   api.ConversationType
	ToolID string

	// FromLine marks what comes from a line of Claude Code's, and Line is that
	// line without its newline. A line of several blocks is several consecutive
	// events with Part 0, 1, 2…, in one batch: on append only the first's Line
	// is stored, readings fill in all of them. Unterminated: the line ended
	// without a newline; on every part or none.
	FromLine     bool
	Line         []byte
	Part         int
	Unterminated bool
}

// lineSeq is the seq of the event that holds the bytes of e's line.
func (e *Event) lineSeq() int64 { return e.Seq - int64(e.Part) }

// eventsAtOnce is how many events one statement inserts, where there are as many.
const eventsAtOnce = 16

const eventColumns = "session, type, time, kind, tool_id, part, unterminated, data, line"

var eventParams = strings.Count(eventColumns, ",") + 1

func insertEventSQL(rows int) string {
	row := ", (?" + strings.Repeat(", ?", eventParams-1) + ")"
	return "INSERT INTO events (" + eventColumns + ") VALUES " + strings.Repeat(row, rows)[2:]
}

const sessionExistsSQL = "SELECT 1 FROM sessions WHERE n = ?"

// appendEvents inserts b's events and fills in their numbers.
func (w *writer) appendEvents(b *Batch) error {
	last := int64(-1) // the session that was looked for last
	for i := range b.Events {
		e := &b.Events[i]
		switch {
		case e.SessionN != 0:
		case b.Create != nil:
			e.SessionN = b.Create.N
		default:
			e.SessionN = b.Delete
		}
		if e.SessionN == last {
			continue
		}
		last = e.SessionN
		ok, err := w.stmts.sessionExists.row(make([]driver.Value, 1), last)
		if err == nil && !ok {
			err = fmt.Errorf("session %d: %w", last, ErrNotFound)
		}
		if err != nil {
			return err
		}
	}
	rest := b.Events
	for ; len(rest) >= eventsAtOnce; rest = rest[eventsAtOnce:] {
		if err := insertEvents(w.stmts.insertEvents, rest[:eventsAtOnce]); err != nil {
			return err
		}
	}
	for i := range rest {
		if err := insertEvents(w.stmts.insertEvent, rest[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// insertEvents inserts as many events as s has places for.
func insertEvents(s *stmt, events []Event) error {
	for i := range events {
		events[i].bind(s.args[i*eventParams:])
	}
	r, err := s.execBound()
	for i := range s.args {
		s.args[i].Value = nil // keeps no line alive
	}
	if err != nil {
		return err
	}
	seq, err := r.LastInsertId()
	for i := len(events) - 1; i >= 0; i-- {
		events[i].Seq = seq
		seq--
	}
	return err
}

// bind puts e's columns in their places, in the order of eventColumns.
func (e *Event) bind(args []driver.NamedValue) {
	args[0].Value = e.SessionN
	args[1].Value = string(e.Type)
	args[2].Value = e.Time.Millis()
	args[3].Value = nullable(e.Kind)
	args[4].Value = nullable(e.ToolID)
	if e.FromLine {
		args[5].Value = int64(e.Part)
		if e.Unterminated {
			args[6].Value = int64(1)
		}
		if e.Part == 0 {
			args[8].Value = notNull(e.Line)
		}
	}
	if e.Data != nil {
		args[7].Value = string(e.Data)
	}
}

// notNull tells an empty line from none.
func notNull(line []byte) []byte {
	if line == nil {
		return []byte{}
	}
	return line
}

// The usual type is left out: a NULL costs nothing to carry over.
const selectEvents = `SELECT seq, session, nullif(type, 'conversation_updated'), time, kind, tool_id,
	part, unterminated IS NOT NULL, data, line FROM events `

// scanEvent reads a row of selectEvents.
func scanEvent(row []driver.Value) Event {
	e := Event{Seq: integer(row[0]), SessionN: integer(row[1]), Type: api.EventConversationUpdated, Time: api.FromMillis(integer(row[3])),
		Kind: api.ConversationType(text(row[4])), ToolID: text(row[5]), Unterminated: integer(row[7]) != 0}
	if row[2] != nil {
		e.Type = api.EventType(text(row[2]))
	}
	if row[8] != nil {
		e.Data = json.RawMessage(text(row[8]))
	}
	if e.FromLine = row[6] != nil; e.FromLine {
		e.Part = int(integer(row[6]))
	}
	if e.FromLine && e.Part == 0 {
		e.Line = blob(row[9])
	}
	return e
}

// page is what a query of events gave.
type page struct {
	events []Event // without those of deleted sessions: it can be empty
	last   int64   // seq of the last row that was looked at, 0 if there was none
	rows   int
	full   bool // it ended for its bytes
}

// readPage reads the events of a query, up to maxBytes of data and lines but one
// row at least, and completes them. The query gives at most limit rows. Those that cannot be completed, because what
// belongs to them is damaged, are noted as such and left out.
func (s *Store) readPage(ctx context.Context, q *reading, limit, maxBytes int, query string, args ...any) (p page, err error) {
	bytes := 0
	p.events = s.freed.take(limit)
	err = q.rows(ctx, query, args, func(row []driver.Value) bool {
		e := scanEvent(row)
		if n := len(p.events); n == cap(p.events) { // an Event is large: grow in few steps
			p.events = append(make([]Event, 0, max(n+1, min(limit, 16*(n+4)))), p.events...)
		}
		p.events = append(p.events, e)
		p.last = e.Seq
		p.rows++
		bytes += len(e.Data) + len(e.Line)
		p.full = bytes >= maxBytes
		return !p.full
	})
	if err != nil {
		return page{}, err
	}
	if p.events, err = s.identify(ctx, q, p.events); err == nil {
		p.events, err = s.fillLines(ctx, q, p.events)
	}
	if err != nil {
		return page{}, err
	}
	return p, nil
}

// DamagedEvent notes an event of which not everything can be shown, so that Problem
// names it. It reports whether that is new.
func (s *Store) DamagedEvent(seq int64, err error) bool {
	place := eventPlace(seq)
	known := s.trouble.knows(place)
	_ = s.trouble.damaged(place, err)
	return !known
}

func eventPlace(seq int64) string { return fmt.Sprintf("event %d", seq) }

// damagedEvent notes that an event is left out.
func (s *Store) damagedEvent(seq int64, err error) {
	_ = s.trouble.damaged(eventPlace(seq), err) // the reading goes on
}

// identity is who a session number stands for.
type identity struct {
	id, runID, claudeSessionID string
	deleted                    bool
}

const identitySQL = `SELECT id, run_id, claude_session_id, false FROM sessions WHERE n = ?1
	UNION ALL SELECT session_id, run_id, claude_session_id, true FROM deletions WHERE n = ?1`

// identify fills in who the events' sessions are, and drops what belongs to a
// deleted one.
func (s *Store) identify(ctx context.Context, q querier, events []Event) ([]Event, error) {
	known := map[int64]*identity{}
	shown := events[:0]
	var who *identity
	last := int64(-1) // whose events come one behind the other
	for i := range events {
		e := &events[i]
		if e.SessionN != last {
			who, last = known[e.SessionN], e.SessionN
		}
		if who == nil {
			who = new(identity)
			err := q.QueryRowContext(ctx, identitySQL, e.SessionN).Scan(&who.id, &who.runID, &who.claudeSessionID, &who.deleted)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return nil, found(err, "session", e.SessionN)
			}
			known[e.SessionN] = who
		}
		switch {
		case who.id == "":
			s.damagedEvent(e.Seq, fmt.Errorf("its session %d is unknown", e.SessionN))
			continue
		case who.deleted && e.Type != api.EventSessionDeleted:
			continue
		}
		e.SessionID, e.RunID, e.ClaudeSessionID = who.id, who.runID, who.claudeSessionID
		shown = keepEvent(events, shown, i)
	}
	return shown, nil
}

// keepEvent adds events[i] to those that are shown, in the same memory.
func keepEvent(events, shown []Event, i int) []Event {
	if len(shown) != i {
		events[len(shown)] = events[i]
	}
	return events[:len(shown)+1]
}

// fillLines gives every part the bytes of its line. The parts of a line are
// neighbours in every reading, so one is remembered.
func (s *Store) fillLines(ctx context.Context, q querier, events []Event) ([]Event, error) {
	var seq int64
	var line []byte
	shown := events[:0]
	for i := range events {
		e := &events[i]
		switch {
		case !e.FromLine:
			if e.Data != nil && !json.Valid(e.Data) { // it would spoil all that is sent with it
				s.damagedEvent(e.Seq, errors.New("its data is no JSON"))
				continue
			}
		case e.Part == 0:
			seq, line = e.Seq, e.Line
		case e.lineSeq() != seq:
			seq, line = e.lineSeq(), nil
			err := q.QueryRowContext(ctx, "SELECT line FROM events WHERE seq = ? AND part = 0", seq).Scan(&line)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return nil, found(err, "the line of event", e.Seq)
			}
		}
		if e.FromLine && line == nil {
			s.damagedEvent(e.Seq, fmt.Errorf("its line is not with event %d", e.lineSeq()))
			continue
		}
		if e.FromLine {
			e.Line = line
		}
		shown = keepEvent(events, shown, i)
	}
	return shown, nil
}
