package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/traces"
	"github.com/sessiond/sessiond/rpc/api"
)

// FuzzFraming feeds a stream of bytes to the reading side, in lines of at most a
// few bytes. Whatever it is: lines come out whole and in order, a request has a
// version, a method and a usable id, and what is refused is refused for a reason.
func FuzzFraming(f *testing.F) {
	for _, c := range conformance {
		if len(c.line) < 1<<10 {
			f.Add([]byte(c.line+"\n"+c.line), 200)
		}
	}
	for _, name := range traces.Names(claudecli.Pinned) { // lines of the other side of the daemon, some of them long
		f.Add(traces.In(claudecli.Pinned, name), 4096)
	}
	f.Add([]byte("\n\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, limit int) {
		limit = 1 + max(limit, -limit, 0)%4096
		lines := newLineReader(bytes.NewReader(stream), limit, semaphore.NewWeighted(math.MaxInt64))
		rest := stream
		for {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				break
			}
			want, tail, _ := bytes.Cut(rest, []byte("\n"))
			if errors.Is(err, errLineTooLong) {
				if len(want) <= limit {
					t.Fatalf("a line of %d bytes is refused", len(want))
				}
				return
			}
			if err != nil || len(line) > limit || !bytes.Equal(line, want) {
				t.Fatalf("line %q, %v; want %q", line, err, want)
			}
			rest = tail
			checkParsed(t, line)
		}
		if len(rest) > 0 {
			t.Fatalf("%q was not read", rest)
		}
	})
}

func checkParsed(t *testing.T, line []byte) {
	r, refusal := parseRequest(line)
	if refusal != nil {
		isJSON := utf8.Valid(line) && json.Valid(line)
		if isJSON != (refusal.Reason == api.ReasonInvalidRequest) || refusal.Message == "" {
			t.Fatalf("%q is refused: %s, %s", line, refusal.Reason, refusal.Message)
		}
		return
	}
	var envelope map[string]json.RawMessage
	if err := json.Unmarshal(line, &envelope); err != nil {
		t.Fatalf("%q is taken for a request: %v", line, err)
	}
	if !bytes.Equal(r.id, envelope["id"]) || !bytes.Equal(r.params, envelope["params"]) {
		t.Fatalf("%q: id %q, params %q", line, r.id, r.params)
	}
	if !r.notification() && !json.Valid(slices.Concat(errorFrame(r.id, errInternal)...)) {
		t.Fatalf("%q: the id cannot be answered", line)
	}
	if _, err := decode[api.LaunchSessionParams](r.params); err != nil {
		var e *api.Error
		if !errors.As(err, &e) || e.Reason != api.ReasonInvalidParams || e.Data["field"] == nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
}
