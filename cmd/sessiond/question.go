package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// question is one of those that Claude Code puts to the user with one call of
// AskUserQuestion.
type question struct {
	Question string `json:"question"`
	Header   string `json:"header"`
	Options  []struct {
		Label       string `json:"label"`
		Description string `json:"description"`
	} `json:"options"`
	MultiSelect bool `json:"multiSelect"`
}

// questionsOf reads what an approval of the kind question asks; none, if it is
// of another kind or of a form that is not known here.
func questionsOf(q api.Approval) []question {
	var input struct {
		Questions []question `json:"questions"`
	}
	if q.Kind != api.ApprovalQuestion || json.Unmarshal(q.ToolInput, &input) != nil {
		return nil
	}
	return input.Questions
}

// answered makes the input that carries answers, one for each question.
func answered(q api.Approval, texts []string) (json.RawMessage, error) {
	questions := questionsOf(q)
	if len(questions) == 0 {
		return nil, usagef("this is no question to the user: use approve or deny")
	}
	if len(texts) != len(questions) {
		var b strings.Builder
		for _, asked := range questions {
			b.WriteString("\n  " + cleanLine(asked.Question))
		}
		return nil, usagef("there must be %d answers, not %d:%s", len(questions), len(texts), b.String())
	}
	answers := make(map[string]string, len(questions))
	for i, asked := range questions {
		text, err := asked.answer(texts[i])
		if err != nil {
			return nil, err
		}
		answers[asked.Question] = text
	}
	var input map[string]json.RawMessage
	if err := json.Unmarshal(q.ToolInput, &input); err != nil {
		return nil, err
	}
	b, err := api.Marshal(answers)
	if err != nil {
		return nil, err
	}
	input["answers"] = b
	return api.Marshal(input)
}

// answer is what Claude Code is told: the labels of the options that text names.
func (q *question) answer(text string) (string, error) {
	if !q.MultiSelect {
		return q.pick(text)
	}
	parts := strings.Split(text, ",")
	for i, part := range parts {
		var err error
		if parts[i], err = q.pick(part); err != nil {
			return "", err
		}
	}
	return strings.Join(parts, ", "), nil
}

// pick finds the option that text names, by its number, its label, or the
// beginning of that; text that names none is an answer of its own.
func (q *question) pick(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", usagef("the answer to %q is empty", cleanLine(q.Question))
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(q.Options) {
		return q.Options[n-1].Label, nil
	}
	var fit []string
	for _, o := range q.Options {
		if strings.EqualFold(o.Label, text) {
			return o.Label, nil
		}
		if strings.HasPrefix(strings.ToLower(o.Label), strings.ToLower(text)) {
			fit = append(fit, o.Label)
		}
	}
	if _, err := strconv.Atoi(text); err == nil && len(fit) == 0 && len(q.Options) > 0 {
		return "", usagef("%q has no option %s: there are %d", cleanLine(q.Question), text, len(q.Options))
	}
	switch len(fit) {
	case 0:
		return text, nil
	case 1:
		return fit[0], nil
	}
	return "", usagef("%q is the beginning of several options: %s", cleanLine(text), cleanLine(strings.Join(fit, ", ")))
}

// asks shows a question, with its options numbered.
func (v *view) asks(q question) {
	head := cleanLine(q.Question)
	if q.Header != "" {
		head = cleanLine(q.Header) + ": " + head
	}
	v.printf("%s\n", v.style(styleYellow, "? "+head))
	for i, o := range q.Options {
		text := fmt.Sprintf("  %d  %s", i+1, cleanLine(o.Label))
		if o.Description != "" {
			text += v.style(styleDim, "  "+cleanLine(o.Description))
		}
		v.printf("%s\n", text)
	}
	if q.MultiSelect {
		v.note("  several may be chosen: 1,2")
	}
}

// maxInputLines is how much of an input is shown where it is asked about.
const maxInputLines = 40

// wants shows a tool that asks whether it may run, and with what: all of it,
// for what is not seen cannot be approved.
func (v *view) wants(q api.Approval) {
	head := "? may " + cleanLine(q.ToolName) + " run"
	lines := inputLines(q.ToolInput)
	if gist := cleanLine(inputText(q.ToolInput)); len(lines) == 1 && v.fit(gist, columns(head)+2) == gist {
		v.printf("%s  %s\n", v.style(styleYellow, head), gist)
		return
	}
	v.printf("%s\n", v.style(styleYellow, head))
	if more := len(lines) - maxInputLines; more > 0 {
		lines = append(lines[:maxInputLines], fmt.Sprintf("… and %d lines more: sessiond approvals --json", more))
	}
	for _, line := range lines {
		v.printf("  %s\n", line)
	}
}

// inputLines writes an input as lines: each member with its name, in their
// order, and texts as they are meant.
func inputLines(input json.RawMessage) []string {
	dec := json.NewDecoder(bytes.NewReader(input))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return []string{cleanLine(string(input))}
	}
	var lines []string
	for dec.More() {
		var value json.RawMessage
		name, err := dec.Token()
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			break // the daemon has checked that it is JSON
		}
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		text = strings.TrimRight(clean(text), "\n")
		head := cleanLine(fmt.Sprint(name)) + ": "
		if strings.Contains(text, "\n") {
			text = "\n    " + strings.ReplaceAll(text, "\n", "\n    ")
			head = strings.TrimRight(head, " ")
		}
		lines = append(lines, strings.Split(head+text, "\n")...)
	}
	return lines
}

// suggestionText says what a suggestion of Claude Code's means.
func suggestionText(raw json.RawMessage) string {
	var s struct {
		Type, Behavior, Mode, Destination string
		Directories                       []string
		Rules                             []struct{ ToolName, RuleContent string }
	}
	if json.Unmarshal(raw, &s) != nil {
		return cleanLine(string(raw))
	}
	var text string
	switch {
	case s.Type == "setMode":
		text = "mode " + s.Mode
	case s.Type == "addDirectories":
		text = "use " + strings.Join(s.Directories, ", ")
	case s.Type == "addRules" && len(s.Rules) > 0:
		names := make([]string, len(s.Rules))
		for i, r := range s.Rules {
			names[i] = r.ToolName
			if r.RuleContent != "" {
				names[i] += "(" + r.RuleContent + ")"
			}
		}
		text = s.Behavior + " " + strings.Join(names, ", ")
	default:
		return cleanLine(string(raw))
	}
	return cleanLine(text + destinations[s.Destination])
}

// destinations says for how long a suggestion holds.
var destinations = map[string]string{
	"session": ", in this session", "localSettings": ", in this directory",
	"projectSettings": ", in this project, for everybody", "userSettings": ", everywhere",
}
