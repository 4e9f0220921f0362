package client

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessiond/sessiond/rpc/api"
)

// request is what goes to the daemon.
type request struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  any             `json:"params,omitempty"`
}

// response is an answer. A notification decodes into one without id and error.
type response struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *wireError      `json:"error"`

	answer `json:"-"` // where it stands
	upTo   bool       // Result is all that stands behind its name: it is the last member, if it is JSON
}

// ParseJSON reads an answer that is no error. Its parts are b's. A long result, of
// which most of the line is, is not looked at.
func (r *response) ParseJSON(b []byte) bool {
	parsed := response{answer: r.answer}
	s := api.NewScanner(b)
	for s.Open('{'); s.More('}'); {
		switch string(s.Name()) {
		case "id":
			parsed.ID = s.Value()
		case "result":
			if rest := s.Rest(); len(rest) >= shortLine && parsed.ID != nil && rest[len(rest)-1] == '}' {
				parsed.Result, parsed.upTo = rest[:len(rest)-1], true
				*r = parsed
				return true
			}
			parsed.Result = s.Value()
		case "error":
			return false
		default:
			s.Value()
		}
	}
	if s.OK() {
		*r = parsed
	}
	return s.OK()
}

// decode decodes the result, unless v is nil.
func (r *response) decode(v any) error {
	if v == nil {
		return nil
	}
	err := decode(r.Result, v)
	if err == nil || !r.upTo {
		return err
	}
	var whole struct {
		Result json.RawMessage `json:"result"`
	} // there may be members behind it
	if err := generally(r.line, &whole); err != nil {
		return err
	}
	return decode(whole.Result, v)
}

// into decodes the result of a method, and gives back the memory of the line.
func (r *response) into(method string, v any) error {
	defer r.release()
	if err := r.decode(v); err != nil {
		return fmt.Errorf("the result of %s: %w", method, err)
	}
	return nil
}

// release gives back the memory of the line: the result has been decoded.
func (r *response) release() {
	if r.free != nil {
		r.free()
	}
}

// orphan reports whether r answers nothing that was asked: it has no id, or null.
func (r response) orphan() bool { return r.ID == nil || string(r.ID) == "null" }

// wireError is an error as it is on the wire.
type wireError struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data"`
}

// reasonsOfCodes names the errors of JSON-RPC itself, which may come without a reason.
var reasonsOfCodes = map[int]api.Reason{
	-32700: api.ReasonParseError,
	-32600: api.ReasonInvalidRequest,
	-32601: api.ReasonMethodNotFound,
	-32602: api.ReasonInvalidParams,
}

// typed turns a wire error into the one that the daemon had in hand.
func (e *wireError) typed() *api.Error {
	out := &api.Error{Reason: api.ReasonInternal, Message: e.Message, Data: e.Data}
	if reason, ok := e.Data["reason"].(string); ok {
		out.Reason = api.Reason(reason)
		delete(out.Data, "reason")
	} else if reason, ok := reasonsOfCodes[e.Code]; ok {
		out.Reason = reason
	}
	return out
}

// readLine returns the next line without its newline, however long it is. The
// slice is valid until the next call, unless the line is longer than r's buffer.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		var long []byte
		for errors.Is(err, bufio.ErrBufferFull) {
			long = append(double(long, len(line)), line...)
			line, err = r.ReadSlice('\n')
		}
		line = append(long, line...)
	}
	if err != nil {
		if err == io.EOF && len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return line[:len(line)-1], nil
}

// double makes room for n bytes more, and for as many as there are: append alone
// would copy a long line five times.
func double(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b
	}
	return append(make([]byte, 0, 2*cap(b)+n), b...)
}

// parser is what is read without a general decoder, where it has its usual form.
type parser interface{ ParseJSON(b []byte) bool }

// decode reads what the daemon sent, in a third of the time that encoding/json
// takes: every event comes this way. That names are there once and texts are UTF-8
// is left to the daemon.
func decode(data []byte, v any) error {
	if own, ok := v.(parser); ok && own.ParseJSON(data) {
		return nil
	}
	return generally(data, v)
}

func generally(data []byte, v any) error {
	return jsonv2.Unmarshal(data, v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// marshal is json.Marshal with a newline behind it and without the escaping
// that is meant for HTML.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
