package main

import (
	"encoding/json"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// The short names of package plain, which the terminal UI shares.

func clean(s string) string                       { return plain.Clean(s) }
func cleanLine(s string) string                   { return plain.Line(s) }
func cleanJSON(b []byte) []byte                   { return plain.JSON(b) }
func word[T ~string](w T) string                  { return plain.Word(w) }
func size(bytes int64) string                     { return plain.Size(bytes) }
func columns(s string) int                        { return plain.Columns(s) }
func cut(s string, n int) string                  { return plain.Cut(s, n) }
func pad(s string, n int) string                  { return plain.Pad(s, n) }
func name(s api.Session) string                   { return plain.Name(s) }
func statusText(s api.Session) string             { return plain.Status(s) }
func costText(usd float64) string                 { return plain.Cost(usd) }
func durationText(ms int64) string                { return plain.Duration(ms) }
func rateLimitText(l *api.RateLimit) string       { return plain.RateLimit(l) }
func retryText(r *api.Retry) string               { return plain.Retry(r) }
func inputText(input json.RawMessage) string      { return plain.Gist(input) }
func inputLines(input json.RawMessage) []string   { return plain.InputLines(input) }
func gistOfApproval(q api.Approval) string        { return plain.GistOfApproval(q) }
func questionsOf(q api.Approval) []plain.Question { return plain.Questions(q) }
func suggestionText(raw json.RawMessage) string   { return plain.Suggestion(raw) }

// answered makes the input that carries answers; what is wrong with them is the
// fault of whoever gave them.
func answered(q api.Approval, texts []string) (json.RawMessage, error) {
	input, err := plain.Answered(q, texts)
	if err != nil {
		return nil, &usageError{err}
	}
	return input, nil
}
