package page

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/tidwall/gjson"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// file is a content block that is no text: an image, a document.
type file struct {
	kind      string // the block's type
	mediaType string
	data      string // base64; empty where it is somewhere else
	where     string // an address or a name, where it has one
}

// size is how many bytes the file has.
func (f *file) size() int {
	return base64.RawStdEncoding.DecodedLen(len(strings.TrimRight(f.data, "=")))
}

// text says what it is.
func (f *file) text() string {
	words := []string{plain.Line(f.kind)}
	if f.mediaType != "" {
		words = append(words, plain.Line(f.mediaType))
	}
	if f.data != "" {
		words = append(words, plain.Size(int64(f.size())))
	}
	if f.where != "" {
		words = append(words, plain.Cut(plain.Line(f.where), 200))
	}
	return strings.Join(words, ", ")
}

// filesOf lists what in a prompt is no text.
func filesOf(c api.Content) []file {
	raw, err := c.MarshalJSON()
	if err != nil {
		return nil
	}
	return filesIn(gjson.ParseBytes(raw))
}

// filesOfResult lists what in a tool's result is no text. Only the line itself
// has it; the content names it, in brackets.
func filesOfResult(line, id, content string) (files []file) {
	if line == "" || !strings.Contains(content, "[") {
		return nil
	}
	gjson.Get(line, "message.content").ForEach(func(_, block gjson.Result) bool {
		if block.Get("tool_use_id").Str == id {
			files = append(files, filesIn(block.Get("content"))...)
		}
		return true
	})
	return files
}

func filesIn(content gjson.Result) (files []file) {
	if !content.IsArray() {
		return nil
	}
	content.ForEach(func(_, block gjson.Result) bool {
		if kind := block.Get("type").Str; kind != "text" {
			f := file{kind: strings.Clone(kind), where: strings.Clone(block.Get("title").Str)}
			source := block.Get("source")
			f.mediaType = strings.Clone(source.Get("media_type").Str)
			if source.Get("type").Str == "base64" {
				f.data = strings.Clone(source.Get("data").Str)
			} else if where := source.Get("url").Str; where != "" {
				f.where = strings.Clone(where)
			}
			files = append(files, f)
		}
		return true
	})
	return files
}

// turn is what Claude Code says of a turn at its end.
type turn struct {
	Turns      int     `json:"num_turns"`
	DurationMS float64 `json:"duration_ms"`
	CostUSD    float64 `json:"total_cost_usd"` // of the process, so far
	Usage      struct {
		In      int64 `json:"input_tokens"`
		Out     int64 `json:"output_tokens"`
		Written int64 `json:"cache_creation_input_tokens"`
		Read    int64 `json:"cache_read_input_tokens"`
	} `json:"usage"`
}

// turnOf reads a result line; nil if it has not the form that is known.
func turnOf(line string) *turn {
	var t turn
	if line == "" || json.Unmarshal([]byte(line), &t) != nil {
		return nil
	}
	return &t
}

// parts say what a turn took, a part each.
func (t *turn) parts() []string {
	if t == nil {
		return nil
	}
	var parts []string
	if t.Turns > 0 {
		parts = append(parts, count(t.Turns, "step", "steps"))
	}
	if t.DurationMS >= 1 {
		parts = append(parts, plain.Duration(int64(t.DurationMS)))
	}
	u := t.Usage
	if text := tokens(u.In, u.Out, u.Written, u.Read); text != "" {
		parts = append(parts, text)
	}
	if t.CostUSD > 0 {
		parts = append(parts, plain.Cost(t.CostUSD)+" so far")
	}
	return parts
}

// tokens says how many went in and came out.
func tokens(in, out, written, read int64) string {
	if in+out+written+read == 0 {
		return ""
	}
	return fmt.Sprintf("%s tokens in, %s out, cache %s written, %s read", humanize.Comma(in), humanize.Comma(out), humanize.Comma(written), humanize.Comma(read))
}

// totals say what a session took, a part each.
func totals(s *api.Session) []string {
	parts := []string{plain.Status(*s)}
	if s.NumTurns > 0 {
		parts = append(parts, count(s.NumTurns, "turn", "turns"))
	}
	for _, text := range []string{plain.Duration(s.DurationMS), plain.Cost(s.CostUSD),
		tokens(s.InputTokens, s.OutputTokens, s.CacheCreationInputTokens, s.CacheReadInputTokens)} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	return parts
}

// asked is how the question about a call stands; "" if none was asked.
func (it *item) asked() api.ApprovalStatus {
	if it.approval != nil {
		return it.approval.Status
	}
	return it.ApprovalStatus
}

// answer says how the question about a call was answered; "" if none was asked.
func (it *item) answer() string {
	status, by, comment := it.asked(), "", ""
	if q := it.approval; q != nil {
		by, comment = plain.Cut(plain.Line(q.ResolvedBy), 100), plain.Line(q.Comment)
	}
	text := plain.Word(status)
	switch status {
	case "":
		return ""
	case api.ApprovalPending:
		text = "waits for an answer"
	}
	if by != "" {
		text += " by " + by
	}
	if comment != "" {
		text += ": " + comment
	}
	return text
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// clock is a time for people.
func clock(t api.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime) + " UTC"
}
