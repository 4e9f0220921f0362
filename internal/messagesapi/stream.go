package messagesapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// stream sends one message as server-sent events. Once its client is gone it
// sends nothing any more, and says so by its context.
type stream struct {
	ctx context.Context
	w   http.ResponseWriter
}

type fields map[string]any

func newStream(ctx context.Context, w http.ResponseWriter, id, model string) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	s := &stream{ctx: ctx, w: w}
	usage := fields{"input_tokens": 12, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 1}
	s.send("message_start", fields{"message": fields{"id": id, "type": "message", "role": "assistant", "model": model,
		"content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage}})
	return s
}

// play sends the blocks of a reply, the n-th message of server.
func (r reply) play(s *stream, server *Server, n int) {
	for i, b := range r.blocks {
		b.play(s, server, i, "toolu_"+pad(n)+"_"+strconv.Itoa(i))
		if s.ctx.Err() != nil {
			return
		}
		s.send("content_block_stop", fields{"index": i})
	}
	s.send("message_delta", fields{"delta": fields{"stop_reason": r.stopReason(), "stop_sequence": nil}, "usage": fields{"output_tokens": 20}})
	s.send("message_stop", fields{})
}

func (b block) play(s *stream, server *Server, index int, toolID string) {
	switch b.kind {
	case "tool_use":
		s.start(index, fields{"type": "tool_use", "id": toolID, "name": b.name, "input": fields{}})
		s.delta(index, "input_json_delta", "partial_json", string(b.input))
	case "thinking":
		s.start(index, fields{"type": "thinking", "thinking": "", "signature": ""})
		for _, d := range b.deltas {
			s.delta(index, "thinking_delta", "thinking", d)
		}
		s.delta(index, "signature_delta", "signature", "c2lnbmVk")
	default:
		s.start(index, fields{"type": "text", "text": ""})
		for i, d := range b.deltas {
			s.delta(index, "text_delta", "text", d)
			if i == 0 && b.gate != "" {
				s.wait(server.gate(b.gate))
			}
			s.pause(b.pause)
		}
	}
}

func (s *stream) start(index int, b fields) {
	s.send("content_block_start", fields{"index": index, "content_block": b})
}

func (s *stream) delta(index int, kind, field, value string) {
	s.send("content_block_delta", fields{"index": index, "delta": fields{"type": kind, field: value}})
}

func (s *stream) wait(g *gate) {
	g.reach.Do(func() { close(g.reached) })
	select {
	case <-g.released:
	case <-s.ctx.Done():
	}
}

func (s *stream) pause(d time.Duration) {
	if d == 0 || s.ctx.Err() != nil {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// send writes one event and flushes it. A client that is gone is noticed by the
// context; what is written meanwhile goes nowhere.
func (s *stream) send(kind string, f fields) {
	if s.ctx.Err() != nil {
		return
	}
	f["type"] = kind
	var b bytes.Buffer
	b.WriteString("event: " + kind + "\ndata: ")
	_ = json.NewEncoder(&b).Encode(f) // texts, numbers and maps of them always encode
	b.WriteString("\n")
	if _, err := s.w.Write(b.Bytes()); err == nil {
		_ = http.NewResponseController(s.w).Flush()
	}
}

func quote(s string) string {
	q, _ := json.Marshal(s) // a text always encodes
	return string(q)
}
