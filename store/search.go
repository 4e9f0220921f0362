package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

const (
	// gramsAsked is by how many of its grams a text is looked for, the rarest; but a
	// gram that most sessions have takes longer to look for than it saves.
	gramsAsked   = 4
	frequentGram = blockSessions / 2
	// gramsWeighed is among how many of them these are chosen.
	gramsWeighed = 32
	// mostFound is how many sessions that may have a text are looked at one by
	// one. Of a text that more may have, a page is sooner full without the index.
	mostFound = 2000
)

// gram makes a number of three bytes.
func gram(a, b, c byte) uint32 { return uint32(a)<<16 | uint32(b)<<8 | uint32(c) }

// appendGrams appends every gram of a text that is to be found.
func appendGrams(grams []uint32, text string) []uint32 {
	const end = 0xff // is in no text
	for i := range len(text) {
		b, c := byte(end), byte(end)
		if i+1 < len(text) {
			b = text[i+1]
		}
		if i+2 < len(text) {
			c = text[i+2]
		}
		grams = append(grams, gram(text[i], b, c))
	}
	return grams
}

// wantedGrams are the grams that whatever contains text has; none for a text
// that is shorter than one.
func wantedGrams(text string) (grams []uint32) {
	for i := 0; i+2 < len(text) && len(grams) < gramsWeighed; i++ {
		if g := gram(text[i], text[i+1], text[i+2]); !slices.Contains(grams, g) {
			grams = append(grams, g)
		}
	}
	return grams
}

// places finds, in the blocks, the places of all sessions that may have a folded
// text. few is false if they are too many to be worth it.
func (r *reading) places(ctx context.Context, text string) (places []int64, few bool, err error) {
	query, args, err := r.placesQuery(ctx, text)
	if err != nil {
		return nil, false, err
	}
	var block int64
	var in slotSet
	err = r.rows(ctx, query, args, func(row []driver.Value) bool {
		if b := integer(row[0]); b != block {
			places = in.appendTo(places, block)
			block, in = b, slotSet{}
		}
		found := slotsOf(blob(row[1]))
		for _, more := range row[2:] {
			found.keep(slotsOf(blob(more)))
		}
		in.add(found)
		return len(places)+in.count() <= mostFound
	})
	places = in.appendTo(places, block)
	return places, len(places) <= mostFound, err
}

// placesQuery makes the query of places: its rows are a block and lists of slots,
// of the sessions that have each of some grams. Of a text that is shorter than a
// gram there is a row for each gram that begins with it.
func (r *reading) placesQuery(ctx context.Context, text string) (query string, args []any, err error) {
	if len(text) < 3 {
		var from, to [3]byte
		copy(from[:], text)
		to = [3]byte{0xff, 0xff, 0xff}
		copy(to[:], text)
		return `SELECT g.block, g.slots FROM session_blocks b CROSS JOIN session_grams g ON g.block = b.block AND g.gram BETWEEN ? AND ?`,
			[]any{int64(gram(from[0], from[1], from[2])), int64(gram(to[0], to[1], to[2]))}, nil
	}
	grams, err := r.rarest(ctx, wantedGrams(text))
	var columns, joins strings.Builder
	for i, g := range grams {
		fmt.Fprintf(&columns, ", g%d.slots", i)
		fmt.Fprintf(&joins, " CROSS JOIN session_grams g%[1]d ON g%[1]d.block = b.block AND g%[1]d.gram = ?", i)
		args = append(args, int64(g))
	}
	return "SELECT b.block" + columns.String() + " FROM session_blocks b" + joins.String(), args, err
}

// rarest picks the grams that are rarest in the newest block.
func (r *reading) rarest(ctx context.Context, grams []uint32) ([]uint32, error) {
	if len(grams) == 1 {
		return grams, nil
	}
	args := make([]any, len(grams))
	for i, g := range grams {
		args[i] = int64(g)
	}
	sessions := make(map[uint32]int, len(grams))
	err := r.rows(ctx, `SELECT gram, length(slots) FROM session_grams WHERE block = (SELECT max(block) FROM session_blocks)
		AND gram IN (?`+strings.Repeat(", ?", len(grams)-1)+")", args, func(row []driver.Value) bool {
		sessions[uint32(integer(row[0]))] = int(integer(row[1])) // #nosec G115 -- it was one when it was written
		return true
	})
	slices.SortStableFunc(grams, func(a, b uint32) int { return sessions[a] - sessions[b] })
	asked := 1
	for asked < min(len(grams), gramsAsked) && sessions[grams[asked]] < frequentGram {
		asked++
	}
	return grams[:asked], err
}

// slotSet is a set of the slots of one block.
type slotSet [4]uint64

func slotsOf(list []byte) (s slotSet) {
	for _, slot := range list {
		s[slot/64] |= 1 << (slot % 64)
	}
	return s
}

func (s *slotSet) keep(o slotSet) {
	for i := range s {
		s[i] &= o[i]
	}
}

func (s *slotSet) add(o slotSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

func (s *slotSet) count() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// appendTo appends the places of a block's slots.
func (s *slotSet) appendTo(places []int64, block int64) []int64 {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			places = append(places, block*blockSessions+int64(i*64+bits.TrailingZeros64(word)))
		}
	}
	return places
}
