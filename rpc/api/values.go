package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// timeLayout is RFC 3339 in UTC with milliseconds, the protocol's only form.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Time is an instant with the precision of the protocol: milliseconds, UTC.
// The zero Time means "not set".
type Time struct{ time.Time }

// Now returns the present instant, cut to milliseconds, so that a value is
// equal to itself after a trip through the database or the wire.
func Now() Time { return At(time.Now()) }

// At converts t, cutting it to milliseconds.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// FromMillis converts milliseconds since the Unix epoch; 0 is the zero Time.
func FromMillis(ms int64) Time {
	if ms == 0 {
		return Time{}
	}
	return Time{time.UnixMilli(ms).UTC()}
}

// Millis returns milliseconds since the Unix epoch; 0 for the zero Time.
func (t Time) Millis() int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// String formats t as the protocol does.
func (t Time) String() string { return t.UTC().Format(timeLayout) }

// MarshalJSON writes t as an RFC 3339 string.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.appendJSON(make([]byte, 0, len(timeLayout)+2)), nil
}

func (t Time) appendJSON(b []byte) []byte {
	// What AppendFormat does in no time for RFC 3339, and slowly with milliseconds.
	b = append(b, '"')
	b = t.UTC().Truncate(time.Second).AppendFormat(b, time.RFC3339)
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(b[:len(b)-1], '.', '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z', '"') // #nosec G115 -- each is a digit
}

// UnmarshalJSON reads any RFC 3339 string.
func (t *Time) UnmarshalJSON(b []byte) error {
	var std time.Time
	if err := std.UnmarshalJSON(b); err != nil {
		return err
	}
	*t = At(std)
	return nil
}

// ParseID takes a UUID in any case and returns it in lower case, as all ids are
// kept. What is no UUID is an *Error that names the field.
func ParseID(field, id string) (string, error) {
	u, err := uuid.Parse(id)
	if err != nil || len(id) != len(u.String()) { // Parse takes other spellings too
		return "", InvalidParams(field, "%q is not a UUID", id)
	}
	return u.String(), nil
}

// Content is what a user says to Claude Code: a text, or an array of content
// blocks as the Messages API knows them (text, image, document). It keeps the
// JSON that it was given. The zero Content is "not set".
type Content struct{ raw json.RawMessage }

// Text makes a Content of a plain text.
func Text(s string) Content {
	b, err := Marshal(s)
	if err != nil { // a string always marshals
		panic(err)
	}
	return Content{raw: b}
}

// IsZero reports whether c was never set.
func (c Content) IsZero() bool { return len(c.raw) == 0 }

// Size is how many bytes of JSON it is.
func (c Content) Size() int { return len(c.raw) }

// MarshalJSON writes the content as it was given.
func (c Content) MarshalJSON() ([]byte, error) {
	if c.IsZero() {
		return []byte("null"), nil
	}
	return c.raw, nil
}

// contentBlock is the part of a content block that is looked at here.
type contentBlock struct {
	Type string  `json:"type"`
	Text *string `json:"text"`
}

// errContent describes what a Content has to be.
var errContent = errors.New(`must be a text or a non-empty array of content blocks, each an object with a "type"`)

// UnmarshalJSON accepts a string or a non-empty array of content blocks.
func (c *Content) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	case len(b) > 0 && b[0] == '[':
		var blocks []contentBlock
		if err := json.Unmarshal(b, &blocks); err != nil || len(blocks) == 0 {
			return errContent
		}
		for i, block := range blocks {
			if block.Type == "" || block.Type == "text" && block.Text == nil {
				return fmt.Errorf("block %d: %w", i, errContent)
			}
		}
	default:
		return errContent
	}
	c.raw = bytes.Clone(b)
	return nil
}

// Text returns the content as one text: the string itself, or the texts of its
// blocks, a line each, with "[image]" and the like in the place of the others.
func (c Content) Text() string {
	if c.IsZero() {
		return ""
	}
	var s string
	if json.Unmarshal(c.raw, &s) == nil {
		return s
	}
	var blocks []contentBlock
	if json.Unmarshal(c.raw, &blocks) != nil {
		return ""
	}
	parts := make([]string, len(blocks))
	for i, block := range blocks {
		if block.Text != nil {
			parts[i] = *block.Text
		} else {
			parts[i] = "[" + block.Type + "]"
		}
	}
	return strings.Join(parts, "\n")
}

// Equal reports whether both hold the same JSON bytes.
func (c Content) Equal(d Content) bool { return bytes.Equal(c.raw, d.raw) }

// Marshal is json.Marshal without the escaping that is meant for HTML: what a
// model wrote stays legible, and short.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}
