package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestLines cuts a stream into lines, short and long ones, as it comes in pieces of
// any size; memory that is given back is not that of a line that is still in use.
func TestLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want [][]byte
		for i := range rapid.IntRange(0, 6).Draw(t, "lines") {
			size := rapid.SampledFrom([]int{0, 1, 100, shortLine - 1, shortLine, shortLine + 1, 3 * shortLine, 5 * shortLine}).Draw(t, "size")
			want = append(want, bytes.Repeat([]byte{'a' + byte(i)}, size))
		}
		half := rapid.Bool().Draw(t, "ends in a line")
		stream := bytes.Join(append(want, nil), []byte("\n"))
		if half {
			stream = append(stream, "half"...)
		}
		var r io.Reader = bytes.NewReader(stream)
		if rapid.Bool().Draw(t, "in pieces") {
			r = iotest.HalfReader(r)
		}
		lines := newLineReader(r)
		var held []answer
		for i, line := range want {
			a, err := lines.next()
			if err != nil || !bytes.Equal(a.line, line) {
				t.Fatalf("line %d: %d bytes, %v; want %d", i, len(a.line), err, len(line))
			}
			if a.free != nil && rapid.Bool().Draw(t, "free") {
				a.free()
				continue
			}
			held = append(held, answer{a.line, nil}, answer{bytes.Clone(a.line), nil})
		}
		for i := 0; i < len(held); i += 2 {
			if !bytes.Equal(held[i].line, held[i+1].line) {
				t.Fatal("a line that is in use was written over")
			}
		}
		end := io.EOF
		if half {
			end = io.ErrUnexpectedEOF
		}
		if _, err := lines.next(); !errors.Is(err, end) {
			t.Fatalf("at the end: %v", err)
		}
	})
}

// TestLongAnswersInAnyOrder: members may stand behind a result, however long it is.
func TestLongAnswersInAnyOrder(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("x", 2*shortLine)
	page := fmt.Sprintf(`{"events":[{"seq":1,"content":%q}],"next_after_seq":null,"head_seq":7}`, content)
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"result":` + page + `}`,
		`{"jsonrpc":"2.0","id":1,"result":` + page + ` } `,
		`{"result":` + page + `,"id":1,"jsonrpc":"2.0"}`,
		`{"id":1,"result":` + page + `,"more":{"a":[]}}`,
	} {
		m := response{answer: answer{line: []byte(line)}}
		if err := decode(m.line, &m); err != nil || string(m.ID) != "1" {
			t.Fatalf("%.60s: id %s, %v", line, m.ID, err)
		}
		var got api.GetConversationResult
		if err := m.decode(&got); err != nil || got.HeadSeq != 7 || got.Events[0].Content != content {
			t.Errorf("%.60s: %v", line, err)
		}
		var raw json.RawMessage
		if err := m.decode(&raw); err != nil || strings.TrimSpace(string(raw)) != page {
			t.Errorf("%.60s: %v, %d bytes", line, err, len(raw))
		}
	}
	broken := response{answer: answer{line: []byte(`{"id":1,"result":` + page + `]}`)}}
	if decode(broken.line, &broken) == nil && broken.decode(new(json.RawMessage)) == nil {
		t.Error("what is no JSON is taken for an answer")
	}
}
