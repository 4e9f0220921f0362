package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// step is one step of a scenario.
type step func(p *player) error

// settle is how long the process is left alone where nothing that it prints
// says that it has got so far.
const settle = 400 * time.Millisecond

// say sends a prompt as SDKs do, without an id, and in blocks.
func say(text string) step {
	return func(p *player) error {
		text := strings.ReplaceAll(text, "$PROJECT", p.project)
		return p.write(`{"type":"user","message":{"role":"user","content":[{"type":"text","text":` + quote(text) + `}]}}`)
	}
}

// sayAs sends a prompt as the n-th message, its id made of n, and as a text.
// Further fields of the line are given as JSON.
func sayAs(n int, text string, fields ...string) step {
	return func(p *player) error {
		return p.write(`{"type":"user","uuid":"` + messageID(n) + `",` + strings.Join(append(fields, ""), ",") +
			`"message":{"role":"user","content":` + quote(text) + `}}`)
	}
}

// messageID is an id that the host gives; ids of this form are left as they are.
func messageID(n int) string { return fmt.Sprintf("%s%012d", hostPrefix, n) }

// request sends a control request, its fields behind the subtype given as JSON.
func request(id, subtype string, fields ...string) step {
	return func(p *player) error {
		fields := append([]string{`"subtype":` + quote(subtype)}, fields...)
		return p.write(`{"type":"control_request","request_id":` + quote(id) + `,"request":{` + strings.Join(fields, ",") + `}}`)
	}
}

// until waits for a line that contains text.
func until(text string) step { return func(p *player) error { return p.until(text) } }

// result waits for the end of a turn, and what is printed right behind it.
func result(p *player) error {
	if err := p.until(`"type":"result"`); err != nil {
		return err
	}
	return p.until(`"state":"idle"`)
}

// asked waits for a question.
func asked(p *player) error { return p.until(`"request":{"subtype":"can_use_tool"`) }

// reached waits until the stand-in waits at a gate, and the process has what it
// was told before.
func reached(gate string) step {
	return func(p *player) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := p.api.Reached(ctx, gate)
		time.Sleep(settle)
		return err
	}
}

func release(gate string) step {
	return func(p *player) error {
		p.api.Release(gate)
		return nil
	}
}

// pause lets the process take in what was written.
func pause(*player) error {
	time.Sleep(settle)
	return nil
}

// allow answers the newest question with its own input.
func allow(p *player) error {
	return p.answer(func(q question) string { return `{"behavior":"allow","updatedInput":` + string(q.Input) + `}` })
}

// allowWith answers it with another input.
func allowWith(input string) step {
	return func(p *player) error {
		return p.answer(func(question) string { return `{"behavior":"allow","updatedInput":` + input + `}` })
	}
}

// allowAlways answers it, and hands back the suggestion to allow the same again,
// for this session only.
func allowAlways(p *player) error {
	return p.answer(func(q question) string {
		rule := strings.Replace(string(q.Suggestions[0]), "localSettings", "session", 1)
		return `{"behavior":"allow","updatedInput":` + string(q.Input) + `,"updatedPermissions":[` + rule + `]}`
	})
}

// deny refuses it.
func deny(why string) step {
	return func(p *player) error {
		return p.answer(func(question) string { return `{"behavior":"deny","message":` + quote(why) + `}` })
	}
}

// question is what is looked at in a can_use_tool request.
type question struct {
	Input       json.RawMessage   `json:"input"`
	Suggestions []json.RawMessage `json:"permission_suggestions"`
}

func (p *player) answer(with func(q question) string) error {
	var line struct {
		RequestID string   `json:"request_id"`
		Request   question `json:"request"`
	}
	if err := json.Unmarshal([]byte(p.question), &line); err != nil {
		return err
	}
	return p.write(`{"type":"control_response","response":{"subtype":"success","request_id":` + quote(line.RequestID) +
		`,"response":` + with(line.Request) + `}}`)
}

func quote(s string) string {
	q, _ := json.Marshal(s) // a text always encodes
	return string(q)
}
