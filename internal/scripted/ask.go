package scripted

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// question is one to the host that waits for an answer.
type question struct {
	id     string
	line   []byte
	answer chan decision // of one
}

// decision is what a host answers to a question.
type decision struct {
	Behavior           string          `json:"behavior"`
	Message            string          `json:"message"`
	UpdatedInput       json.RawMessage `json:"updatedInput"`
	UpdatedPermissions []struct {
		Type  string `json:"type"`
		Mode  string `json:"mode"`
		Rules []struct {
			ToolName    string `json:"toolName"`
			RuleContent string `json:"ruleContent"`
		} `json:"rules"`
	} `json:"updatedPermissions"`
}

// controlResponse is an answer of the host's.
type controlResponse struct {
	RequestID string          `json:"request_id"`
	Subtype   string          `json:"subtype"`
	Error     string          `json:"error"`
	Response  json.RawMessage `json:"response"`
}

// answer gives an answer to the question that it is for; a second one is ignored.
func (e *engine) answer(r *controlResponse) {
	d := decision{Behavior: "deny", Message: "Tool permission request failed: " + r.Error}
	if r.Subtype == "success" {
		d = decision{}
		_ = json.Unmarshal(r.Response, &d) // a form that nobody knows allows nothing
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.questions, func(q *question) bool { return q.id == r.RequestID })
	if i < 0 {
		return
	}
	e.questions[i].answer <- d
	e.questions = slices.Delete(e.questions, i, i+1)
}

// verbAsk is `ask: TOOL JSON`.
func verbAsk(t *turn, arg string) error {
	tool, input, _ := strings.Cut(arg, " ")
	if !json.Valid([]byte(input)) {
		return apiError("ask: the input is not JSON: " + input)
	}
	t.useTool(tool, json.RawMessage(input))
	t.pause()
	d, err := t.decide(tool, json.RawMessage(input))
	if err != nil {
		return err
	}
	if d.Behavior == "allow" {
		t.out.add(t.toolResult(toolOutput(tool, d.UpdatedInput), false))
	} else {
		t.denials = append(t.denials, object{"tool_name", tool, "tool_use_id", t.tool, "tool_input", json.RawMessage(input)})
		t.out.add(t.toolResult(d.Message, true))
	}
	t.tool = ""
	return t.sayAfterTools("done with the tool", t.fold())
}

// toolOutput is what a tool says that was run with an input.
func toolOutput(tool string, input json.RawMessage) string {
	if tool == "AskUserQuestion" {
		return "Your questions have been answered: " + string(input)
	}
	return "ran " + tool + " with " + string(input)
}

// decide finds out whether a tool may run: by the rules, else by asking.
func (t *turn) decide(tool string, input json.RawMessage) (decision, error) {
	allowed, settled := t.settled(tool, input)
	switch {
	case settled && allowed:
		return decision{Behavior: "allow", UpdatedInput: input}, nil
	case settled || t.opts.get("permission-prompt-tool") != "stdio":
		return decision{Behavior: "deny", Message: "Claude requested permissions to use " + tool + ", but you haven't granted it yet."}, nil
	}
	d, err := t.ask(uuid.NewString(), t.questionFor(tool, input))
	if err != nil {
		return d, err
	}
	if d.Behavior == "allow" && d.UpdatedInput == nil {
		d.UpdatedInput = input
	}
	t.remember(d)
	return d, nil
}

// settled says whether the rules decide, and what.
func (t *turn) settled(tool string, input json.RawMessage) (allowed, settled bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	named := func(flag string) bool { return slices.Contains(t.opts.values[flag], tool) }
	switch {
	case named("disallowed-tools"):
		return false, true
	case tool == "AskUserQuestion":
		return false, false
	case t.mode == "bypassPermissions", named("allowed-tools"), t.remembered[tool+" "+ruleContent(input)],
		t.engine.mode == "acceptEdits" && (tool == "Write" || tool == "Edit"):
		return true, true
	default:
		return false, t.engine.mode == "dontAsk"
	}
}

// questionFor is what the host is asked.
func (t *turn) questionFor(tool string, input json.RawMessage) object {
	request := object{"subtype", "can_use_tool", "tool_name", tool, "display_name", tool, "input", input}
	if tool == "AskUserQuestion" {
		return append(request, "tool_use_id", t.tool, "requires_user_interaction", true)
	}
	suggestions := list{
		object{"type", "addRules", "rules", list{object{"toolName", tool, "ruleContent", ruleContent(input)}}, "behavior", "allow", "destination", "session"},
		object{"type", "setMode", "mode", "acceptEdits", "destination", "session"},
	}
	return append(request, "permission_suggestions", suggestions, "tool_use_id", t.tool)
}

// ruleContent is what a rule about an input says: the command, else all of it.
func ruleContent(input json.RawMessage) string {
	var in struct {
		Command string `json:"command"`
	}
	if json.Unmarshal(input, &in) == nil && in.Command != "" {
		return in.Command
	}
	return string(input)
}

// ask prints a question and waits for its answer. At the end of standard input
// it is refused.
func (t *turn) ask(id string, request object) (decision, error) {
	q := &question{id: id, answer: make(chan decision, 1)}
	q.line = object{"type", "control_request", "request_id", id, "request", request}.line()
	t.mu.Lock()
	if context.Cause(t.ctx) == nil { // else nobody would void it
		t.state("requires_action")
		t.out.print(q.line)
		t.questions = append(t.questions, q)
	}
	t.mu.Unlock()
	d, err := t.await(q)
	t.state("running")
	return d, err
}

// await waits for the answer to a question that is out.
func (t *turn) await(q *question) (decision, error) {
	select {
	case d := <-q.answer:
		return d, nil
	case <-t.ctx.Done():
		return decision{}, context.Cause(t.ctx)
	case <-t.eof:
	}
	if cause := context.Cause(t.ctx); cause != nil { // it came before the end
		return decision{}, cause
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.questions = slices.DeleteFunc(t.questions, func(other *question) bool { return other == q })
	select {
	case d := <-q.answer: // the last line before the end
		return d, nil
	default:
		return decision{Behavior: "deny", Message: "Tool permission request failed: the stream of answers has ended"}, nil
	}
}

// remember keeps the rules and the mode that came with an answer.
func (t *turn) remember(d decision) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range d.UpdatedPermissions {
		for _, r := range p.Rules {
			t.remembered[r.ToolName+" "+r.RuleContent] = true
		}
		if p.Type == "setMode" {
			t.engine.mode = p.Mode
		}
	}
}

// useTool prints a tool_use, which runs from here on.
func (t *turn) useTool(tool string, input json.RawMessage) {
	t.tool = "toolu_" + shortID()
	t.out.add(t.assistantLine(object{"type", "tool_use", "id", t.tool, "name", tool, "input", input}))
}

// toolResult is the result of the tool that runs.
func (t *turn) toolResult(text string, failed bool) []byte {
	block := object{"tool_use_id", t.tool, "type", "tool_result", "content", text, "is_error", failed}
	return t.userLine(list{block}, "tool_use_result", text)
}
