package plain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// Question is one of those that Claude Code puts to the user with one call of
// AskUserQuestion.
type Question struct {
	Question string `json:"question"`
	Header   string `json:"header"`
	Options  []struct {
		Label       string `json:"label"`
		Description string `json:"description"`
	} `json:"options"`
	MultiSelect bool `json:"multiSelect"`
}

// Questions reads what an approval of the kind question asks; none, if it is
// of another kind or of a form that is not known here.
func Questions(q api.Approval) []Question {
	var input struct {
		Questions []Question `json:"questions"`
	}
	if q.Kind != api.ApprovalQuestion || json.Unmarshal(q.ToolInput, &input) != nil {
		return nil
	}
	return input.Questions
}

// Answered makes the input that carries answers, one for each question.
func Answered(q api.Approval, texts []string) (json.RawMessage, error) {
	questions := Questions(q)
	if len(questions) == 0 {
		return nil, fmt.Errorf("this is no question to the user: use approve or deny")
	}
	if len(texts) != len(questions) {
		var b strings.Builder
		for _, asked := range questions {
			b.WriteString("\n  " + Line(asked.Question))
		}
		return nil, fmt.Errorf("there must be %d answers, not %d:%s", len(questions), len(texts), b.String())
	}
	answers := make(map[string]string, len(questions))
	for i, asked := range questions {
		text, err := asked.Answer(texts[i])
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

// Answer is what Claude Code is told: the labels of the options that text names.
func (q *Question) Answer(text string) (string, error) {
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
func (q *Question) pick(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", fmt.Errorf("the answer to %q is empty", Line(q.Question))
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
		return "", fmt.Errorf("%q has no option %s: there are %d", Line(q.Question), text, len(q.Options))
	}
	switch len(fit) {
	case 0:
		return text, nil
	case 1:
		return fit[0], nil
	}
	return "", fmt.Errorf("%q is the beginning of several options: %s", Line(text), Line(strings.Join(fit, ", ")))
}

// InputLines writes an input as lines: each member with its name, in their
// order, and texts as they are meant.
func InputLines(input json.RawMessage) []string {
	dec := json.NewDecoder(bytes.NewReader(input))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return []string{Line(string(input))}
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
		text = strings.TrimRight(Clean(text), "\n")
		head := Line(fmt.Sprint(name)) + ": "
		if strings.Contains(text, "\n") {
			text = "\n    " + strings.ReplaceAll(text, "\n", "\n    ")
			head = strings.TrimRight(head, " ")
		}
		lines = append(lines, strings.Split(head+text, "\n")...)
	}
	return lines
}

// Suggestion says what a suggestion of Claude Code's means.
func Suggestion(raw json.RawMessage) string {
	var s struct {
		Type, Behavior, Mode, Destination string
		Directories                       []string
		Rules                             []struct{ ToolName, RuleContent string }
	}
	if json.Unmarshal(raw, &s) != nil {
		return Line(string(raw))
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
		return Line(string(raw))
	}
	return Line(text + destinations[s.Destination])
}

// destinations says for how long a suggestion holds.
var destinations = map[string]string{
	"session": ", in this session", "localSettings": ", in this directory",
	"projectSettings": ", in this project, for everybody", "userSettings": ", everywhere",
}
