package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
)

// textBlock is a block that is being made.
type textBlock struct {
	sessions []member // by slot
	tooLarge []member // in no block from now on
	grams    []uint64 // each gram of a session, << 8, and its slot
	full     bool     // of text: there may be no room for as many sessions as it could have
}

// member is a session as it was when its text was read.
type member struct{ n, touched int64 }

// readBlock reads the texts of sessions that are in no block, the oldest first.
func readBlock(ctx context.Context, q *reading) (b textBlock, err error) {
	var own []uint32
	bytes := 0
	err = q.rows(ctx, `SELECT u.n, u.touched, d.folded_title, l.folded_query
		FROM session_unindexed u JOIN session_documents d USING (n) JOIN session_launches l USING (n)
		WHERE NOT u.too_large ORDER BY u.n LIMIT ?`, []any{blockSessions}, func(row []driver.Value) bool {
		m, title, query := member{integer(row[0]), integer(row[1])}, text(row[2]), text(row[3])
		own = appendGrams(appendGrams(own[:0], title), query)
		slices.Sort(own)
		own = slices.Compact(own)
		if bytes += len(title) + len(query); len(own) > mostGrams {
			b.tooLarge = append(b.tooLarge, m)
		} else {
			for _, g := range own {
				b.grams = append(b.grams, uint64(g)<<8|uint64(len(b.sessions))) // #nosec G115 -- at most blockSessions
			}
			b.sessions = append(b.sessions, m)
		}
		b.full = bytes >= blockBytes || len(b.grams) >= blockGrams
		return !b.full
	})
	slices.Sort(b.grams)
	return b, err
}

// write writes the block under its number. A session whose text has changed since
// it was read, or that is gone, is left as it is.
func (b *textBlock) write(c *conn, block int64) error {
	for _, m := range b.tooLarge {
		if err := c.change("UPDATE session_unindexed SET too_large = 1 WHERE n = ? AND touched = ?", m.n, m.touched); err != nil {
			return err
		}
	}
	living, err := b.writeSlots(c, block)
	if err != nil || living == 0 {
		return err
	}
	if err := c.change("INSERT INTO session_blocks (block, members, living) VALUES (?, ?, ?)", block, int64(len(b.sessions)), living); err != nil {
		return err
	}
	return b.writeGrams(c, block)
}

// writeSlots puts the sessions into the block, and returns how many that were.
func (b *textBlock) writeSlots(c *conn, block int64) (living int64, err error) {
	put, err := c.prepare(`INSERT INTO session_slots (place, n) SELECT ?, n FROM session_unindexed WHERE n = ? AND touched = ?`)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, put.close()) }()
	done, err := c.prepare(`DELETE FROM session_unindexed WHERE n = ? AND touched = ?`)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done.close()) }()
	for slot, m := range b.sessions {
		added, err := put.change(block*blockSessions+int64(slot), m.n, m.touched)
		if err != nil {
			return 0, err
		}
		if _, err := done.exec(m.n, m.touched); err != nil {
			return 0, err
		}
		living += added
	}
	return living, nil
}

// writeGrams writes which slots have which gram.
func (b *textBlock) writeGrams(c *conn, block int64) (err error) {
	put, err := c.prepare("INSERT INTO session_grams (block, gram, slots) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, put.close()) }()
	var slots []byte
	for i, g := range b.grams {
		slots = append(slots, byte(g)) // #nosec G115 -- the slot is the lowest byte
		if i+1 < len(b.grams) && b.grams[i+1]>>8 == g>>8 {
			continue
		}
		if _, err := put.exec(block, int64(g>>8), slots); err != nil { // #nosec G115 -- 24 bits
			return err
		}
		slots = slots[:0]
	}
	return nil
}

// dissolve takes a block apart that has few.
func dissolve(c *conn, block int64) error {
	for _, query := range []string{
		"INSERT INTO session_unindexed (n) SELECT n FROM session_slots WHERE place BETWEEN ?1 * 256 AND ?1 * 256 + 255",
		"DELETE FROM session_slots WHERE place BETWEEN ?1 * 256 AND ?1 * 256 + 255",
		"DELETE FROM session_grams WHERE block = ?",
		"DELETE FROM session_blocks WHERE block = ?",
	} {
		if err := c.change(query, block); err != nil {
			return err
		}
	}
	return nil
}
