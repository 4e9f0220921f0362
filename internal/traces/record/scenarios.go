package main

// scenario is what is played to a claude. Its input ends behind the last step.
type scenario struct {
	name  string
	flags []string          // beside those of every run: -p, stream-json both ways, --verbose
	files map[string]string // in the working directory
	steps []step
}

var (
	asks  = []string{"--permission-prompt-tool=stdio"}
	bash  = []string{"--allowed-tools=Bash"}
	quiet []string
)

// dot is a picture of one pixel.
const dot = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
	"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"

const colours = `tool: AskUserQuestion {"questions":[{"question":"Which colour?","header":"Colour","options":[` +
	`{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}],"multiSelect":false}]}`

const bluePlease = `{"questions":[{"question":"Which colour?","header":"Colour","options":[` +
	`{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}],"multiSelect":false}],"answers":{"Which colour?":"Blue"}}`

// scenarios are played to each version. Prompts are scripts of the stand-in for
// the Messages API; `wait:` is used where a turn has to last until something
// has happened.
var scenarios = []scenario{
	{"text_one_turn", quiet, nil, []step{say("hello world"), result}},
	{"text_three_turns", quiet, nil, []step{say("one"), result, say("two"), result, say("three — ünïcødé 漢字 🧵"), result}},
	{"thinking", quiet, nil, []step{say("think: forty-two"), result}},
	{"several_blocks", bash, nil, []step{say("multi: block"), result}},
	{"one_big_line", quiet, nil, []step{say("big: 300000"), result}},
	{"partial_messages", []string{"--include-partial-messages"}, nil, []step{say("hello partial"), result}},
	{"read_image", quiet, map[string]string{"dot.png": dot}, []step{say("read: $PROJECT/dot.png"), result}},

	{"tool_approved", asks, nil, []step{say("bash: touch approved.txt; echo hi"), asked, allow, result}},
	{"tool_denied", asks, nil, []step{say("bash: touch denied.txt"), asked, deny("not today"), result}},
	{"tool_input_changed", asks, nil, []step{say("bash: touch original.txt"), asked,
		allowWith(`{"command":"touch changed.txt","description":"changed by the reviewer"}`), result}},
	{"tool_not_allowed_no_prompt", quiet, nil, []step{say("bash: touch nope.txt"), result}},
	{"write_file", asks, nil, []step{say("write: $PROJECT/hello.txt"), asked, allow, result}},
	{"rule_remembered", asks, nil, []step{say("bash: touch remembered.txt"), asked, allowAlways, result, say("bash: touch remembered.txt"), result}},
	{"ask_user_question", asks, nil, []step{say(colours), asked, allowWith(bluePlease), result}},
	{"pending_permission_redelivered", asks, nil, []step{request("i1", "initialize"), until(`"request_id":"i1"`),
		sayAs(5, "bash: touch again.txt"), asked, request("i2", "initialize"), until(`"request_id":"i2"`), allow, result}},
	{"input_ended_while_asking", asks, nil, []step{say("bash: touch unanswered.txt"), asked}},
	{"subagent", []string{"--allowed-tools=Bash", "--allowed-tools=Task"}, nil, []step{say("task: bash: echo from the subagent"), until(`"state":"idle"`)}},

	{"command_lifecycle", asks, nil, []step{sayAs(2, "wait: gate"), reached("gate"), sayAs(3, "queued A"), sayAs(4, "queued B"), pause,
		request("q1", "cancel_async_message", `"message_uuid":"`+messageID(3)+`"`), until(`"request_id":"q1"`), request("q2", "interrupt"), result}},
	{"messages_sent_mid_turn", quiet, nil, []step{say("wait: gate"), reached("gate"), say("second"), say("third"), pause, release("gate"), until(`"result":"you said: `)}},
	{"message_folded_into_turn", bash, nil, []step{sayAs(1, "bash: sleep 2; echo slept"), until(`"tool_use"`), sayAs(2, "meanwhile"), result}},
	{"message_overtakes_turn", quiet, nil, []step{sayAs(1, "wait: gate"), reached("gate"), sayAs(2, "now", `"priority":"now"`), until(`you said: now`)}},
	{"message_repeated", []string{"--replay-user-messages"}, nil, []step{sayAs(1, "once"), result, sayAs(1, "once"), pause, sayAs(2, "twice"), until(`"result":"you said: twice"`)}},
	{"replayed_user_messages", []string{"--replay-user-messages"}, nil, []step{sayAs(1, "with an id"), result}},
	{"control_requests", asks, nil, []step{request("c1", "initialize"), until(`"request_id":"c1"`),
		request("d0", "set_model", `"model":"sonnet"`), request("d1", "set_permission_mode", `"mode":"acceptEdits"`),
		request("d2", "set_permission_mode", `"mode":"nonsense"`), request("d3", "no_such_thing"), request("d4", "mcp_status"),
		request("d5", "get_context_usage"), until(`"request_id":"d5"`), say("after"), result}},
	{"interrupted_mid_turn", asks, nil, []step{say("wait: gate"), reached("gate"), request("int-1", "interrupt"), result}},
	{"interrupted_while_asking", asks, nil, []step{say("bash: touch asked.txt"), asked, request("int-1", "interrupt"), result}},
	{"ended_mid_turn", quiet, nil, []step{sayAs(1, "wait: gate"), reached("gate"), sayAs(2, "never"), pause, request("e1", "end_session"), until(`"request_id":"e1"`)}},

	{"api_error_400", quiet, nil, []step{say("err: 400"), result}},
	{"api_error_529_retries", quiet, nil, []step{say("err: 529"), result}},
	{"max_turns", []string{"--allowed-tools=Bash", "--max-turns=1"}, nil, []step{say("bash: echo one"), result}},
	{"max_budget", []string{"--max-budget-usd=0.0001"}, nil, []step{say("one"), result, say("two"), result}},
	{"unknown_conversation", []string{"--resume=" + hostPrefix + "000000000009"}, nil, nil},
}
