package session

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessiond/sessiond/session/redact"
)

// redactJSON removes what is private from the texts in a JSON value. A value in which
// nothing is stays byte for byte.
func redactJSON(r *redact.Redactor, raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || !holdsPrivate(r, raw) {
		return raw
	}
	return r.JSON(raw)
}

// holdsPrivate reports whether one of the texts of a value is changed by r. What is
// no JSON is one text.
func holdsPrivate(r *redact.Redactor, raw []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return int(d.InputOffset()) < len(bytes.TrimSpace(raw)) && r.Text(string(raw)) != string(raw)
		}
		if token.Kind() == '"' {
			if text := token.String(); r.Text(text) != text {
				return true
			}
		}
	}
}
