package tui

import (
	"encoding/json"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// The sessions of the scene.
var (
	asking, waiting, working, done, broken, choosing = id(1), id(2), id(3), id(4), id(5), id(6)
)

// scene is a day with a few sessions, in all states that matter.
func scene() *fake {
	f := newFake()
	add := func(s api.Session) {
		s.RunID, s.ClaudeSessionID, s.Model = s.ID, s.ID, "claude-opus-5-5"
		if s.PermissionMode == "" {
			s.PermissionMode = "default"
		}
		f.sessions = append(f.sessions, s)
	}
	add(api.Session{ID: asking, Title: "retry the upload when the server is busy", Status: api.StatusWaitingInput, WaitingFor: api.WaitingForApproval,
		WorkingDir: "/home/ada/src/upload", Interactive: true, CreatedAt: ago(42 * time.Minute), LastActivityAt: ago(2 * time.Minute),
		CostUSD: 0.4173, InputTokens: 2210, OutputTokens: 8344, CacheReadInputTokens: 391_000, CacheCreationInputTokens: 42_000, NumTurns: 3, PendingApprovals: 1})
	add(api.Session{ID: choosing, Title: "which database?", Status: api.StatusWaitingInput, WaitingFor: api.WaitingForApproval,
		WorkingDir: "/home/ada/src/shop", CreatedAt: ago(50 * time.Minute), LastActivityAt: ago(9 * time.Minute), CostUSD: 0.0312, PendingApprovals: 1})
	add(api.Session{ID: waiting, Title: "review the parser", Status: api.StatusWaitingInput, WaitingFor: api.WaitingForMessage,
		WorkingDir: "/home/ada/src/parser", Interactive: true, CreatedAt: ago(3 * time.Hour), LastActivityAt: ago(25 * time.Minute), CostUSD: 1.2051, NumTurns: 7})
	add(api.Session{ID: working, Query: "port the nightly report to the new API and run it once", Status: api.StatusRunning,
		WorkingDir: "/srv/reports", CreatedAt: ago(4 * time.Minute), LastActivityAt: ago(time.Second), QueuedMessages: 2})
	add(api.Session{ID: done, Title: "日本語の翻訳を直す", Status: api.StatusCompleted, WorkingDir: "/home/ada/src/site",
		CreatedAt: ago(26 * time.Hour), LastActivityAt: ago(25 * time.Hour), CostUSD: 0.0921, NumTurns: 1, Tags: []string{"docs"}})
	add(api.Session{ID: broken, Title: "bump dependencies", Status: api.StatusFailed, ErrorMessage: "the API refused the key", WorkingDir: "/home/ada/src/upload",
		CreatedAt: ago(49 * time.Hour), LastActivityAt: ago(48 * time.Hour)})
	f.upload()
	f.others()
	return f
}

// upload is the conversation that asks.
func (f *fake) upload() {
	for _, ev := range []api.ConversationEvent{
		user("Uploads fail when the server says 503. Please retry them,\nwith some patience between."),
		thinks("The client gives up at the first error.\nLet me look at how it sends, and where a retry would belong."),
		says("I'll look at how uploads are sent first."),
		calls("t1", "Grep", `{"pattern":"func (c *Client) send","path":"."}`),
		result("t1", "client.go:41:func (c *Client) send(req *Request) error {", false),
		calls("t2", "Task", `{"description":"find the callers of send","prompt":"Find all callers of send"}`),
		inside("t2", calls("t3", "Bash", `{"command":"grep -rn '\\.send(' --include=*.go .","description":"callers"}`)),
		inside("t2", result("t3", "upload.go:88:\tif err := c.send(req); err != nil {\nbatch.go:17:\t\tc.send(req)\nbatch_test.go:40:\tc.send(req)", false)),
		inside("t2", says("Two callers: `upload.go:88` and `batch.go:17`.")),
		result("t2", "Two callers: upload.go:88 and batch.go:17.", false),
		calls("t4", "Edit", `{"file_path":"/home/ada/src/upload/client.go","old_string":"func (c *Client) send(req *Request) error {\n\treturn c.do(req)\n}","new_string":"func (c *Client) send(req *Request) error {\n\tfor wait := first; ; wait *= 2 {\n\t\terr := c.do(req)\n\t\tif !busy(err) || wait > longest {\n\t\t\treturn err\n\t\t}\n\t\ttime.Sleep(wait)\n\t}\n}"}`),
		result("t4", "The file /home/ada/src/upload/client.go has been updated.", false),
		calls("t5", "Bash", `{"command":"go vet ./..."}`),
		result("t5", "./client.go:44:3: undefined: time\n./client.go:42:9: undefined: first", true),
		says("The retry is in place; what is missing:\n\n1. the import of `time`\n2. *first* and *longest*, as constants\n\n| wait | after |\n| --- | --- |\n| 100 ms | 1st failure |\n| 200 ms | 2nd failure |\n\n```go\nconst first, longest = 100 * time.Millisecond, 10 * time.Second\n```\n\n**Then** I'd like to run the tests against the real server."),
		calls("t6", "Bash", `{"command":"go test ./... -run TestUpload -server https://upload.example.com","description":"run the tests against the real server"}`),
	} {
		f.say(asking, ev)
	}
	f.approvals = append(f.approvals, api.Approval{
		ID: "q1", SessionID: asking, Kind: api.ApprovalTool, ToolUseID: "t6", ToolName: "Bash", Status: api.ApprovalPending, CreatedAt: ago(2 * time.Minute),
		ToolInput:   json.RawMessage(`{"command":"go test ./... -run TestUpload -server https://upload.example.com","description":"run the tests against the real server"}`),
		Suggestions: []json.RawMessage{json.RawMessage(`{"type":"addRules","behavior":"allow","destination":"localSettings","rules":[{"toolName":"Bash","ruleContent":"go test *"}]}`)},
	})
}

// others are the other conversations.
func (f *fake) others() {
	f.say(waiting, user("Review the parser, please."))
	f.say(waiting, says("## Findings\n\n- `next()` reads past the end of the input\n- errors lose their position\n\n> The tests cover neither.\n\nShall I fix both?"))
	f.say(working, user("port the nightly report to the new API and run it once"))
	f.say(working, calls("w1", "Read", `{"file_path":"/srv/reports/nightly.py"}`))
	f.say(working, result("w1", "import requests\n\ndef main():\n    ...", false))
	f.say(done, user("翻訳を直してください"))
	f.say(done, says("直しました。"))
	f.say(broken, user("bump dependencies"))
	f.say(broken, api.ConversationEvent{EventType: api.ConversationResult, Role: "system", Content: "API Error: 401 invalid x-api-key", IsError: new(true)})
	f.say(choosing, user("Set up the shop."))
	f.say(choosing, calls("c1", "AskUserQuestion", `{"questions":[]}`))
	f.approvals = append(f.approvals, api.Approval{
		ID: "q2", SessionID: choosing, Kind: api.ApprovalQuestion, ToolUseID: "c1", ToolName: "AskUserQuestion", Status: api.ApprovalPending, CreatedAt: ago(9 * time.Minute),
		ToolInput: json.RawMessage(`{"questions":[{"header":"Database","question":"Where are orders kept?","options":[{"label":"SQLite","description":"one file, no server"},{"label":"PostgreSQL","description":"a server that is there already"}]},` +
			`{"header":"Extras","question":"What else?","multiSelect":true,"options":[{"label":"backups"},{"label":"metrics"},{"label":"a dashboard"}]}]}`),
	})
	for i, text := range []string{"and send it to the team when it looks right", "then delete the old script"} {
		f.messages[working] = append(f.messages[working], api.Message{ID: "m" + string(rune('1'+i)), SessionID: working, Content: api.Text(text),
			Delivery: api.DeliveryQueue, State: api.MessageQueued, Position: i + 1})
	}
}
