package search

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

// place is where a page begins: in the window of the events from oldest up to upTo,
// behind so many hits. Until the first page has found it, oldest is 0.
type place struct {
	upTo, oldest int64
	offset       int
}

const placeForm = "%d.%d.%d.%s"

// render makes a cursor of a place. It is one of these params, and of no others.
func (at place) render(p api.SearchConversationsParams) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, placeForm, at.upTo, at.oldest, at.offset, digest(p)))
}

// parsePlace is the reverse of render.
func parsePlace(p api.SearchConversationsParams) (at place, err error) {
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	var of string
	if err == nil {
		_, err = fmt.Sscanf(string(text), placeForm, &at.upTo, &at.oldest, &at.offset, &of)
	}
	switch {
	case err != nil || at.upTo < 0 || at.oldest < 0 || at.offset < 0:
		return at, api.InvalidParams("cursor", "not a next_cursor of searchConversations")
	case of != digest(p):
		return at, api.InvalidParams("cursor", "is of a search with other params: they have to stay the same, but for the limit")
	}
	return at, nil
}

// digest tells params from others.
func digest(p api.SearchConversationsParams) string {
	p.Cursor, p.Limit = "", nil
	b, err := api.Marshal(p)
	if err != nil { // strings always marshal
		panic(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))[:16]
}
