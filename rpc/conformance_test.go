package rpc

import (
	"context"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// conformance is lines from a client, each on a connection of its own. Behind each
// a good request is sent, whose answer shows whether the connection goes on.
var conformance = []struct {
	name   string
	line   string
	code   int    // of the error; 0: a result
	id     string // as it is echoed
	field  string // in error.data
	silent bool   // no answer at all
	closes bool
	size   int // the line is a request of so many bytes instead
}{
	{name: "a request", line: `{"jsonrpc":"2.0","id":1,"method":"health"}`, id: "1"},
	{name: "params null", line: `{"jsonrpc":"2.0","id":1,"method":"health","params":null}`, id: "1"},
	{name: "params empty", line: `{"jsonrpc":"2.0","id":1,"method":"health","params":{}}`, id: "1"},
	{name: "members in another order", line: `{"params":{},"method":"health","id":1,"jsonrpc":"2.0"}`, id: "1"},
	{name: "unknown members", line: `{"jsonrpc":"2.0","id":1,"method":"health","meta":{"a":1},"ID":2}`, id: "1"},
	{name: "space around", line: " \t" + `{ "jsonrpc" : "2.0" , "id" : 1 , "method" : "health" }` + " \r", id: "1"},

	{name: "id string", line: `{"jsonrpc":"2.0","id":"a","method":"health"}`, id: `"a"`},
	{name: "id empty string", line: `{"jsonrpc":"2.0","id":"","method":"health"}`, id: `""`},
	{name: "id string as it was escaped", line: `{"jsonrpc":"2.0","id":"\u00e9\n<1>","method":"health"}`, id: `"\u00e9\n<1>"`},
	{name: "id zero", line: `{"jsonrpc":"2.0","id":0,"method":"health"}`, id: "0"},
	{name: "id negative", line: `{"jsonrpc":"2.0","id":-7,"method":"health"}`, id: "-7"},
	{name: "id largest", line: `{"jsonrpc":"2.0","id":9007199254740992,"method":"health"}`, id: "9007199254740992"},
	{name: "id smallest", line: `{"jsonrpc":"2.0","id":-9007199254740992,"method":"health"}`, id: "-9007199254740992"},
	{name: "id too large", line: `{"jsonrpc":"2.0","id":9007199254740993,"method":"health"}`, code: -32600, id: "null"},
	{name: "id too small", line: `{"jsonrpc":"2.0","id":-9007199254740993,"method":"health"}`, code: -32600, id: "null"},
	{name: "id huge", line: `{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"health"}`, code: -32600, id: "null"},
	{name: "id fractional", line: `{"jsonrpc":"2.0","id":1.5,"method":"health"}`, code: -32600, id: "null"},
	{name: "id with a fraction of zero", line: `{"jsonrpc":"2.0","id":1.0,"method":"health"}`, code: -32600, id: "null"},
	{name: "id with an exponent", line: `{"jsonrpc":"2.0","id":1e2,"method":"health"}`, code: -32600, id: "null"},
	{name: "id null", line: `{"jsonrpc":"2.0","id":null,"method":"health"}`, code: -32600, id: "null"},
	{name: "id bool", line: `{"jsonrpc":"2.0","id":true,"method":"health"}`, code: -32600, id: "null"},
	{name: "id array", line: `{"jsonrpc":"2.0","id":[1],"method":"health"}`, code: -32600, id: "null"},
	{name: "id object", line: `{"jsonrpc":"2.0","id":{"a":1},"method":"health"}`, code: -32600, id: "null"},
	{name: "id twice", line: `{"jsonrpc":"2.0","id":1,"id":2,"method":"health"}`, code: -32600, id: "null"},

	{name: "version missing", line: `{"id":1,"method":"health"}`, code: -32600, id: "null"},
	{name: "version 1.0", line: `{"jsonrpc":"1.0","id":1,"method":"health"}`, code: -32600, id: "null"},
	{name: "version a number", line: `{"jsonrpc":2.0,"id":1,"method":"health"}`, code: -32600, id: "null"},
	{name: "version in another case", line: `{"JSONRPC":"2.0","id":1,"method":"health"}`, code: -32600, id: "null"},
	{name: "version wrong, no id", line: `{"jsonrpc":"1.0","method":"health"}`, code: -32600, id: "null"},
	{name: "method missing", line: `{"jsonrpc":"2.0","id":1}`, code: -32600, id: "null"},
	{name: "method a number", line: `{"jsonrpc":"2.0","method":1,"params":"bar"}`, code: -32600, id: "null"},
	{name: "a response", line: `{"jsonrpc":"2.0","id":1,"result":{}}`, code: -32600, id: "null"},
	{name: "batch", line: `[{"jsonrpc":"2.0","id":1,"method":"health"}]`, code: -32600, id: "null"},
	{name: "batch empty", line: `[]`, code: -32600, id: "null"},
	{name: "batch of nonsense", line: `[1,2,3]`, code: -32600, id: "null"},
	{name: "a number", line: `1`, code: -32600, id: "null"},
	{name: "a string", line: `"health"`, code: -32600, id: "null"},
	{name: "null", line: `null`, code: -32600, id: "null"},

	{name: "malformed", line: `{"jsonrpc":"2.0","id":1,"method"`, code: -32700, id: "null", closes: true},
	{name: "malformed batch", line: `[{"jsonrpc":"2.0","id":1},`, code: -32700, id: "null", closes: true},
	{name: "single quotes", line: `{'jsonrpc':'2.0'}`, code: -32700, id: "null", closes: true},
	{name: "two values", line: `{"jsonrpc":"2.0","id":1,"method":"health"}{}`, code: -32700, id: "null", closes: true},
	{name: "empty line", line: ``, code: -32700, id: "null", closes: true},
	{name: "blank line", line: `  `, code: -32700, id: "null", closes: true},
	{name: "garbage", line: "\x00\x01\xfe\xff\x80GET / HTTP/1.1\r", code: -32700, id: "null", closes: true},
	{name: "invalid UTF-8 in a string", line: "{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"health\"}", code: -32700, id: "null", closes: true},
	{name: "a byte order mark", line: "\ufeff" + `{"jsonrpc":"2.0","id":1,"method":"health"}`, code: -32700, id: "null", closes: true},

	{name: "method unknown", line: `{"jsonrpc":"2.0","id":1,"method":"nope"}`, code: -32601, id: "1"},
	{name: "method empty", line: `{"jsonrpc":"2.0","id":1,"method":""}`, code: -32601, id: "1"},
	{name: "method in another case", line: `{"jsonrpc":"2.0","id":1,"method":"Health"}`, code: -32601, id: "1"},
	{name: "method event", line: `{"jsonrpc":"2.0","id":1,"method":"event"}`, code: -32601, id: "1"},

	{name: "params positional", line: `{"jsonrpc":"2.0","id":1,"method":"health","params":[]}`, code: -32602, id: "1", field: "params"},
	{name: "params a string", line: `{"jsonrpc":"2.0","id":1,"method":"health","params":"x"}`, code: -32602, id: "1", field: "params"},
	{name: "params a number", line: `{"jsonrpc":"2.0","id":1,"method":"health","params":0}`, code: -32602, id: "1", field: "params"},
	{name: "param unknown", line: `{"jsonrpc":"2.0","id":"x","method":"getSessionState","params":{"session_id":"a","colour":1}}`, code: -32602, id: `"x"`, field: "colour"},
	{name: "param unknown where there are none", line: `{"jsonrpc":"2.0","id":1,"method":"health","params":{"x":null}}`, code: -32602, id: "1", field: "x"},
	{name: "param in another case", line: `{"jsonrpc":"2.0","id":1,"method":"getSessionState","params":{"Session_ID":"a"}}`, code: -32602, id: "1", field: "Session_ID"},
	{name: "param missing", line: `{"jsonrpc":"2.0","id":1,"method":"getSessionState"}`, code: -32602, id: "1", field: "session_id"},
	{name: "param null", line: `{"jsonrpc":"2.0","id":1,"method":"getSessionState","params":{"session_id":null}}`, code: -32602, id: "1", field: "session_id"},
	{name: "param of a wrong type", line: `{"jsonrpc":"2.0","id":1,"method":"getSessionState","params":{"session_id":7}}`, code: -32602, id: "1", field: "session_id"},
	{name: "param twice", line: `{"jsonrpc":"2.0","id":1,"method":"getSessionState","params":{"session_id":"a","session_id":"b"}}`, code: -32602, id: "1", field: "session_id"},
	{name: "param good", line: `{"jsonrpc":"2.0","id":1,"method":"getSessionState","params":{"session_id":"a"}}`, code: -32001, id: "1"},

	{name: "notification", line: `{"jsonrpc":"2.0","method":"health"}`, silent: true},
	{name: "notification of an unknown method", line: `{"jsonrpc":"2.0","method":"nope"}`, silent: true},
	{name: "notification with unknown params", line: `{"jsonrpc":"2.0","method":"health","params":{"x":1}}`, silent: true},
	{name: "notification with positional params", line: `{"jsonrpc":"2.0","method":"health","params":[1]}`, silent: true},
	{name: "notification that fails", line: `{"jsonrpc":"2.0","method":"getSessionState","params":{"session_id":"a"}}`, silent: true},

	{name: "line too long", size: 33 << 20, code: -32700, id: "null", closes: true},
	{name: "line one byte too long", size: 32<<20 + 1, code: -32700, id: "null", closes: true},
	{name: "longest line", size: 32 << 20, code: -32001, id: "1"},

	{name: "id of a megabyte", line: `{"jsonrpc":"2.0","id":"` + megabyte + `","method":"health"}`, id: `"` + megabyte + `"`},
	{name: "method of a megabyte", line: `{"jsonrpc":"2.0","id":1,"method":"` + megabyte + `"}`, code: -32601, id: "1"},
	{name: "member of a megabyte", line: `{"jsonrpc":"2.0","id":1,"method":"health","` + megabyte + `":1}`, id: "1"},
	{name: "param of a megabyte", line: `{"jsonrpc":"2.0","id":1,"method":"health","params":{"` + megabyte + `":1}}`, code: -32602, id: "1", field: megabyte},
	{name: "nested as deep as may be", line: `{"jsonrpc":"2.0","id":1,"method":"launchSession","params":{"query":"x","tags":` + nested(9000) + `}}`, code: -32602, id: "1", field: "tags"},
	{name: "nested deep in an unknown member", line: `{"jsonrpc":"2.0","id":1,"method":"health","x":` + nested(9000) + `}`, id: "1"},
	{name: "nested too deep", line: `{"jsonrpc":"2.0","id":1,"method":"health","x":` + nested(20_000) + `}`, code: -32700, id: "null", closes: true},
	{name: "a million brackets", line: strings.Repeat("[", 1<<20), code: -32700, id: "null", closes: true},
	{name: "a million members", line: `{"jsonrpc":"2.0","id":1,"method":"health","x":1` + strings.Repeat(`,"y":0`, 1<<20) + `}`, id: "1"},
	{name: "a number without end", line: `{"jsonrpc":"2.0","id":` + strings.Repeat("1", 1<<20) + `,"method":"health"}`, code: -32600, id: "null"},
	{name: "an overlong encoding", line: "{\"jsonrpc\":\"2.0\",\"id\":\"\xc0\xaf\",\"method\":\"health\"}", code: -32700, id: "null", closes: true},
	{name: "a surrogate as bytes", line: "{\"jsonrpc\":\"2.0\",\"id\":\"\xed\xa0\x80\",\"method\":\"health\"}", code: -32700, id: "null", closes: true},
	{name: "half a character", line: "{\"jsonrpc\":\"2.0\",\"id\":\"\xe2\x82\",\"method\":\"health\"}", code: -32700, id: "null", closes: true},
	{name: "invalid UTF-8 outside of strings", line: "{\"jsonrpc\":\"2.0\",\"id\":1,\xff\"method\":\"health\"}", code: -32700, id: "null", closes: true},
}

var megabyte = strings.Repeat("m", 1<<20)

// nested is lists in lists.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// requestOfSize is a request of so many bytes.
func requestOfSize(n int) string {
	const head, tail = `{"jsonrpc":"2.0","id":1,"method":"getSessionState","params":{"session_id":"`, `"}}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := startServer(t, &fakeService{getSessionState: notFound}, nil).dial()
			if c.size > 0 {
				c.line = requestOfSize(c.size)
			}
			client.send(c.line)
			if !c.silent {
				checkAnswer(t, client.recv(), c.code, c.id, c.field)
			}
			if c.closes {
				client.expectClosed()
				return
			}
			client.send(`{"jsonrpc":"2.0","id":"after","method":"health"}`)
			checkAnswer(t, client.recv(), 0, `"after"`, "")
		})
	}
}

// notFound knows no session, and does not repeat long ids.
func notFound(context.Context, api.SessionParams) (api.SessionResult, error) {
	return api.SessionResult{}, api.NotFound(api.ReasonSessionNotFound, "x")
}

func checkAnswer(t *testing.T, m message, code int, id, field string) {
	t.Helper()
	if string(m.ID) != id {
		t.Errorf("id %s, want %s", m.ID, id)
	}
	if code == 0 {
		if m.Error != nil || len(m.Result) == 0 {
			t.Errorf("error %+v, result %s; want a result", m.Error, m.Result)
		}
		return
	}
	switch {
	case m.Error == nil:
		t.Fatalf("result %s; want error %d", m.Result, code)
	case m.Error.Code != code:
		t.Errorf("error %+v; want code %d", *m.Error, code)
	case m.reason() == "" || m.Error.Message == "":
		t.Errorf("error without reason or message: %+v", *m.Error)
	case errorKinds[m.reason()].code != code:
		t.Errorf("reason %s does not have code %d", m.reason(), code)
	}
	if got, _ := m.Error.Data["field"].(string); got != field {
		t.Errorf("field %q, want %q", got, field)
	}
	if m.Result != nil {
		t.Errorf("an error and a result: %s", m.Result)
	}
}
