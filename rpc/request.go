package rpc

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessiond/sessiond/rpc/api"
)

// maxID is the largest integer that every JSON implementation holds exactly.
const maxID = 1 << 53

// request is one call of a client's.
type request struct {
	conn   *connection
	id     json.RawMessage // as it was sent; nil on a notification
	method string
	params json.RawMessage // as they were sent; nil if there are none
	size   int             // bytes of the line
	held   int64           // of the bytes for long lines; given back when it is done
	then   func()          // if set, runs once the answer is queued
}

// notification reports whether nobody waits for an answer.
func (r *request) notification() bool { return r.id == nil }

// lenient says what is JSON: everything that the grammar allows. Lone surrogates
// in escapes and repeated names are odd, but not ours to judge inside of params.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// parseRequest reads a line as a JSON-RPC 2.0 request. The error's reason is
// parse_error where the line is not UTF-8 JSON, so that nothing that follows on
// the connection can be trusted, and invalid_request where it is JSON, but no
// request.
func parseRequest(line []byte) (*request, *api.Error) {
	if !utf8.Valid(line) {
		return nil, api.Errorf(api.ReasonParseError, "the line is not valid UTF-8")
	}
	if !jsontext.Value(line).IsValid(lenient...) {
		return nil, api.Errorf(api.ReasonParseError, "the line is not a JSON value")
	}
	switch bytes.TrimLeft(line, " \t\r\n")[0] {
	case '{':
	case '[':
		return nil, invalidRequest("batches are not supported: send one request a line")
	default:
		return nil, invalidRequest("a request is a JSON object")
	}
	return readEnvelope(line)
}

// readEnvelope reads the members of a request, which is a valid JSON object.
func readEnvelope(line []byte) (*request, *api.Error) {
	var version, method json.RawMessage
	r := &request{size: len(line)}
	known := map[string]*json.RawMessage{"jsonrpc": &version, "id": &r.id, "method": &method, "params": &r.params}
	err := eachMember(line, func(name string, value json.RawMessage) error {
		target := known[name]
		if target == nil {
			return nil // members that the specification does not know are ignored
		}
		if *target != nil {
			return invalidRequest("%q is there twice", name)
		}
		*target = value
		return nil
	})
	if err != nil {
		return nil, invalidRequest("%v", err)
	}
	if v, ok := text(version); !ok || v != "2.0" {
		return nil, invalidRequest(`"jsonrpc" must be "2.0"`)
	}
	if r.id != nil && !validID(r.id) {
		return nil, invalidRequest("an id is a string, or an integer within ±2^53")
	}
	name, ok := text(method)
	if !ok {
		return nil, invalidRequest(`"method" must be a string`)
	}
	r.method = name
	return r, nil
}

func invalidRequest(format string, args ...any) *api.Error {
	return api.Errorf(api.ReasonInvalidRequest, format, args...)
}

// validID reports whether a JSON value may be an id.
func validID(id json.RawMessage) bool {
	if id[0] == '"' {
		return true
	}
	n, err := strconv.ParseInt(string(id), 10, 64)
	return err == nil && -maxID <= n && n <= maxID
}

// text returns the string that a JSON value is, if it is one.
func text(value json.RawMessage) (string, bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil
}

// eachMember calls visit with the members of a JSON object in their order, until
// it returns an error. Values are parts of object, not copies. An object that is
// not valid JSON is an error too.
func eachMember(object []byte, visit func(name string, value json.RawMessage) error) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(object), lenient...)
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		end := d.InputOffset()
		if err := visit(name, json.RawMessage(object[end-int64(len(value)):end])); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
