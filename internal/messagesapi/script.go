package messagesapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reply is what is answered: an HTTP error, or a message of blocks.
type reply struct {
	status  int // of the HTTP error; 0: a message
	problem string
	hold    string // a gate that is waited for before anything is said
	blocks  []block
}

// block is one content block of a reply.
type block struct {
	kind   string // text, thinking or tool_use
	deltas []string
	pause  time.Duration // behind each delta
	gate   string        // waited for behind the first delta
	name   string        // of the tool
	input  json.RawMessage
}

// slowPause is the pause between the deltas of `slow: N`.
const slowPause = 200 * time.Millisecond

// script says how to answer a text.
func script(text string, toolResult bool) reply {
	if toolResult {
		return say(textBlock("done with the tool"))
	}
	verb, rest, found := strings.Cut(text, ": ")
	if scripted, known := verbs[verb]; found && known {
		return scripted(rest)
	}
	return say(textBlock("you said: ", text))
}

// verbs are the scripts by name; each is given what stands behind the colon.
var verbs = map[string]func(rest string) reply{
	"bash":  func(rest string) reply { return say(textBlock("running it"), bashBlock(rest)) },
	"write": func(rest string) reply { return say(toolBlock("Write", "file_path", rest, "content", "hello\n")) },
	"read":  func(rest string) reply { return say(toolBlock("Read", "file_path", rest)) },
	"tool":  scriptTool,
	"task": func(rest string) reply {
		return say(toolBlock("Task", "description", "scripted subagent", "prompt", rest, "subagent_type", "general-purpose"))
	},
	"think": func(rest string) reply {
		return say(block{kind: "thinking", deltas: []string{"let me think about " + rest}}, textBlock(rest))
	},
	"multi": func(rest string) reply {
		return say(textBlock("one "+rest), textBlock("two"), textBlock("three"), bashBlock("echo multi"))
	},
	"slow": scriptSlow,
	"big": func(rest string) reply {
		n, err := number(rest)
		if err != nil {
			return refuse(err.Error())
		}
		return say(textBlock(strings.Repeat("x", n)))
	},
	"wait": func(rest string) reply {
		return say(block{kind: "text", deltas: []string{"waiting", " released"}, gate: rest})
	},
	"hold": func(rest string) reply { return reply{hold: rest, blocks: []block{textBlock("held")}} },
	"err": func(rest string) reply {
		code, err := strconv.Atoi(rest)
		if err != nil || code < 400 || code > 599 {
			return refuse("err: " + rest + " is no status of an error")
		}
		return reply{status: code, problem: "scripted error"}
	},
}

func scriptTool(rest string) reply {
	name, input, _ := strings.Cut(rest, " ")
	if !json.Valid([]byte(input)) {
		return refuse("the input of the tool is not JSON: " + input)
	}
	return say(block{kind: "tool_use", name: name, input: json.RawMessage(input)})
}

func scriptSlow(rest string) reply {
	n, err := number(rest)
	if err != nil {
		return refuse(err.Error())
	}
	b := block{kind: "text", pause: slowPause}
	for i := range n {
		b.deltas = append(b.deltas, "tick "+strconv.Itoa(i)+" ")
	}
	return say(b)
}

// number reads how many; a billion is the most.
func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 30)
	return int(n), err
}

func say(blocks ...block) reply { return reply{blocks: blocks} }

func refuse(problem string) reply { return reply{status: http.StatusBadRequest, problem: problem} }

// textBlock makes a text of deltas; Claude Code refuses one that is empty.
func textBlock(deltas ...string) block {
	empty := func(delta string) bool { return delta == "" }
	return block{kind: "text", deltas: slices.DeleteFunc(deltas, empty)}
}

func bashBlock(command string) block {
	return toolBlock("Bash", "command", command, "description", "scripted")
}

// toolBlock makes a tool_use from the names and values of its input, in order.
func toolBlock(name string, input ...string) block {
	var b strings.Builder
	for i, s := range input {
		b.WriteString([]string{",", ":"}[i%2])
		b.WriteString(quote(s))
	}
	return block{kind: "tool_use", name: name, input: json.RawMessage("{" + b.String()[1:] + "}")}
}

// stopReason is the reason that the API gives behind these blocks.
func (r reply) stopReason() string {
	if r.blocks[len(r.blocks)-1].kind == "tool_use" {
		return "tool_use"
	}
	return "end_turn"
}
