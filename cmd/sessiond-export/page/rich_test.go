package page

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/rpc/api"
)

// rich is a conversation with something of everything, to be looked at.
func rich(t testing.TB) *stream {
	about := aSession()
	about.Title, about.Query = "Make the parser take **nested** lists", ""
	s := newStream(t, about)
	s.prompt("The parser fails on nested lists:\n\n    - a\n      - b\n\nFind out why, mend it, and add a test. <b>Do not</b> touch the lexer.")
	s.event(api.ConversationEvent{EventType: api.ConversationThinking, Role: "assistant",
		Content: "The user wants nested lists. The parser in `parser.go` keeps one indent only.\n\nFirst I should *look* at it:\n\n1. read the file\n2. run the tests"})
	s.answer("I'll look at the parser first.\n\n## What I know\n\nA list is kept as a *flat* slice, see [the documentation](https://example.com/lists) and https://example.com/spec.\n\n" +
		"| case | expected | now |\n|:---|:---:|---:|\n| `- a` | 1 item | 1 |\n| `- a\\n  - b` | nested | **2** |\n\n- [x] read\n- [ ] mend\n\n> Lists may be nested.\n\n```go\nfunc parse(s string) (*List, error) {\n\treturn nil, errors.New(\"not yet\")\n}\n```\n")
	s.call("r1", "Read", map[string]any{"file_path": "/home/user/project/parser.go", "limit": 40})
	s.call("b1", "Bash", map[string]any{"command": "go test ./parser -run 'Nested' 2>&1 | tail -20", "description": "Run the tests of nested lists"})
	s.result("r1", numbered("func line%d() {}", 40))
	s.event(api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: "b1", IsError: new(true),
		Content: "\x1b[31m--- FAIL: TestNested (0.00s)\x1b[0m\n    parser_test.go:17: got 2 items, want 1\nFAIL\nexit status 1"})
	s.step(api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "e1", ToolName: "Edit", IsCompleted: new(true), ApprovalID: "a1",
		ApprovalStatus: api.ApprovalApproved,
		ToolInput:      []byte(`{"file_path":"/home/user/project/parser.go","old_string":"func parse(s string) *List {\n\treturn flat(s)\n}\n","new_string":"func parse(s string) *List {\n\t// lists nest by their indent\n\treturn nested(s, 0)\n}\n"}`)},
		export.Step{Approval: &api.Approval{Status: api.ApprovalApproved, ResolvedBy: "sessiond-cli", Comment: "looks right"}})
	s.result("e1", "The file /home/user/project/parser.go has been updated.")
	s.call("t1", "Task", map[string]any{"description": "look for other users of flat()", "prompt": "Find every caller of flat().", "subagent_type": "Explore"})
	inside := api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "g1", ToolName: "Grep", ParentToolUseID: "t1",
		ToolInput: []byte(`{"pattern":"flat\\(","path":"."}`), IsCompleted: new(true)}
	s.event(inside)
	s.event(api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ParentToolUseID: "t1", ToolResultForID: "g1", Content: "parser.go:12\nparser_test.go:40"})
	s.event(api.ConversationEvent{EventType: api.ConversationMessage, Role: "assistant", ParentToolUseID: "t1", Content: "Two callers: `parser.go` and its test."})
	s.result("t1", "Two callers: `parser.go` and its test.")
	s.event(api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "b2", ToolName: "Bash", IsCompleted: new(true),
		ApprovalStatus: api.ApprovalDenied, ApprovalID: "a2", ToolInput: []byte(`{"command":"rm -rf /home/user/project/testdata"}`)})
	s.event(api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: "b2", Content: "denied: keep them", IsError: new(true)})
	s.call("b3", "Bash", map[string]any{"command": "go test -v ./..."})
	s.result("b3", numbered("=== RUN   TestCase%d", 300))
	s.answer("Done: lists nest now, and `TestNested` passes. ![a diagram](https://example.com/diagram.png)")
	s.event(api.ConversationEvent{EventType: api.ConversationResult, IsError: new(false), Content: "Done",
		Raw: new(`{"type":"result","num_turns":9,"duration_ms":83211,"total_cost_usd":0.2183,"usage":{"input_tokens":18200,"output_tokens":2100,"cache_creation_input_tokens":900,"cache_read_input_tokens":120000}}`)})
	image := `[{"type":"text","text":"Does it look like this?"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAANSUhEUgAAAEAAAAAgCAIAAAAt/+nTAAAP30lEQVR42g3PgcbyCgCA4XM5PxEREREREREREREREZE3IiJSmcpUpjKVqUxlKlOZylQiIiIiovs433MHz3//uFi4WLnYuNi5OLg4ubi4uLl4uHi5+Lj4uQS4BLmEuIS5RLhEucS4xLkkuCS5pLikuWS4ZLnkuOS5FLgUuZS4lLlUuQhcGlxELm0uEpceF5nLkIvCZcJF5TLnonFZcdG5bLkYXA5cTC5nLlcuNy53Lg8uTy4vLm8uHy5fLj8u//3jZOFk5WTjZOfk4OTk5OLk5uTh5OXk4+TnFOAU5BTiFOYU4RTlFOMU55TglOSU4pTmlOGU5ZTjlOdU4FTkVOJU5lTlJHBqcBI5tTlJnHqcZE5DTgqnCSeV05yTxmnFSee05WRwOnAyOZ05XTndON05PTg9Ob04vTl9OH05/Tj9BUwLphXThmnHdGA6MV2YbkwPphfTh+nHDGAGMUOYYcwIZhQzhhnHTGAmMVOYacwMZhYzh5nHLGAWMUuYZcwqpoDZwBQx25gSZg9TxhxiKpgTTBVzjqlhrjB1zC2mgXnANDHPmFfMG+Yd84H5xHxhvjE/mF/MH+Zf4GjhaOVo42jn6ODo5Oji6Obo4ejl6OPo5xjgGOQY4hjmGOEY5RjjGOeY4JjkmOKY5pjhmOWY45jnWOBY5FjiWOZY5ShwbHAUObY5Shx7HGWOQ44KxwlHleOco8ZxxVHnuOVocDxwNDmeOV453jjeOT44Pjm+OL45fjh+Of44/gX2FvZW9jb2dvYO9k72LvZu9h72XvY+9n72AfZB9iH2YfYR9lH2MfZx9gn2SfYp9mn2GfZZ9jn2efYF9kX2JfZl9lX2AvsGe5F9m73EvsdeZj9kr7CfsFfZz9lr7FfsdfZb9gb7A3uT/Zn9lf2N/Z39g/2T/Yv9m/2H/Zf9j/1fwLBgWDFsGHYMB4YTw4XhxvBgeDF8GH6MAEYQI4QRxohgRDFiGHGMBEYSI4WRxshgZDFyGHmMAkYRo4RRxqhiCBgNDBGjjSFh9DBkjCGGgjHBUDHmGBrGCkPH2GIYGAcME+OMccW4YdwxHhhPjBfGG+OD8cX4YfwFdhZ2VnY2dnZ2DnZOdi52bnYedl52PnZ+dgF2QXYhdmF2EXZRdjF2cXYJdkl2KXZpdhl2WXY5dnl2BXZFdiV2ZXZVdgK7BjuRXZudxK7HTmY3ZKewm7BT2c3ZaexW7HR2W3YGuwM7k92Z3ZXdjd2d3YPdk92L3Zvdh92X3Y/dX2BjYWNlY2NjZ+Ng42TjYuNm42HjZeNj42cTYBNkE2ITZhNhE2UTYxNnk2CTZJNik2aTYZNlk2OTZ1NgU2RTYlNmU2UjsGmwEdm02UhsemxkNkM2CpsJG5XNnI3GZsVGZ7NlY7A5sDHZnNlc2dzY3Nk82DzZvNi82XzYfNn82PwFdAu6Fd2Gbkd3oDvRXehudA+6F92H7kcPoAfRQ+hh9Ah6FD2GHkdPoCfRU+hp9Ax6Fj2HnkcvoBfRS+hl9Cq6gN5AF9Hb6BJ6D11GH6Ir6BN0FX2OrqGv0HX0LbqBfkA30c/oV/Qb+h39gf5Ef6G/0T/oX/Qf+l9gbWFtZW1jbWftYO1k7WLtZu1h7WXtY+1nHWAdZB1iHWYdYR1lHWMdZ51gnWSdYp1mnWGdZZ1jnWddYF1kXWJdZl1lLbBusBZZt1lLrHusZdZD1grrCWuV9Zy1xnrFWme9ZW2wPrA2WZ9ZX1nfWN9ZP1g/Wb9Yv1l/WH9Z/1j/BZYWllaWNpZ2lg6WTpYulm6WHpZelj6WfpYBlkGWIZZhlhGWUZYxlnGWCZZJlimWaZYZllmWOZZ5lgWWRZYllmWWVZYCywZLkWWbpcSyx1JmOWSpsJywVFnOWWosVyx1lluWBssDS5PlmeWV5Y3lneWD5ZPli+Wb5Yfll+WP5V9As6BZ0WxodjQHmhPNheZG86B50XxofrQAWhAthBZGi6BF0WJocbQEWhIthZZGy6Bl0XJoebQCWhGthFZGq6IJaA00Ea2NJqH10GS0IZqCNkFT0eZoGtoKTUfbohloBzQT7Yx2Rbuh3dEeaE+0F9ob7YP2Rfuh/QUWFhZWFjYWdhYOFk4WLhZuFh4WXhY+Fn4WARZBFiEWYRYRFlEWMRZxFgkWSRYpFmkWGRZZFjkWeRYFFkUWJRZlFlUWAosGC5FFm4XEosdCZjFkobCYsFBZzFloLFYsdBZbFgaLAwuTxZnFlcWNxZ3Fg8WTxYvFm8WHxZfFj8VfYGZhZmVmY2Zn5mDmZOZi5mbmYeZl5mPmZxZgFmQWYhZmFmEWZRZjFmeWYJZklmKWZpZhlmWWY5ZnVmBWZFZiVmZWZSYwazATmbWZScx6zGRmQ2YKswkzldmcmcZsxUxntmVmMDswM5mdmV2Z3ZjdmT2YPZm9mL2ZfZh9mf2Y/QVUC6oV1YZqR3WgOlFdqG5UD6oX1YfqRw2gBlFDqGHUCGoUNYYaR02gJlFTqGnUDGoWNYeaRy2gFlFLqGXUKqqA2kAVUduoEmoPVUYdoiqoE1QVdY6qoa5QddQtqoF6QDVRz6hX1BvqHfWB+kR9ob5RP6hf1B/qX2BqYWplamNqZ+pg6mTqYupm6mHqZepj6mcaYBpkGmIaZhphGmUaYxpnmmCaZJpimmaaYZplmmOaZ1pgWmRaYlpmWmUqMG0wFZm2mUpMe0xlpkOmCtMJU5XpnKnGdMVUZ7plajA9MDWZnplemd6Y3pk+mD6Zvpi+mX6Yfpn+mP4FxhbGVsY2xnbGDsZOxi7GbsYexl7GPsZ+xgHGQcYhxmHGEcZRxjHGccYJxknGKcZpxhnGWcY5xnnGBcZFxiXGZcZVxgLjBmORcZuxxLjHWGY8ZKwwnjBWGc8Za4xXjHXGW8YG4wNjk/GZ8ZXxjfGd8YPxk/GL8Zvxh/GX8Y/xX0CxoFhRbCh2FAeKE8WF4kbxoHhRfCh+lABKECWEEkaJoERRYihxlARKEiWFkkbJoGRRcih5lAJKEaWEUkapoggoDRQRpY0iofRQZJQhioIyQVFR5igaygpFR9miGCgHFBPljHJFuaHcUR4oT5QXyhvlg/JF+aH8BUYWRlZGNkZ2Rg5GTkYuRm5GHkZeRj5GfkYBRkFGIUZhRhFGUUYxRnFGCUZJRilGaUYZRllGOUZ5RgVGRUYlRmVGVUYCowYjkVGbkcSox0hmNGSkMJowUhnNGWmMVox0RltGBqMDI5PRmdGV0Y3RndGD0ZPRi9Gb0YfRl9GP0V9gYGFgZWBjYGfgYOBk4GLgZuBh4GXgY+BnEGAQZBBiEGYQYRBlEGMQZ5BgkGSQYpBmkGGQZZBjkGdQYFBkUGJQZlBlIDBoMBAZtBlIDHoMZAZDBgqDCQOVwZyBxmDFQGewZWAwODAwGZwZXBncGNwZPBg8GbwYvBl8GHwZ/Bj8BWQLshXZhmxHdiA7kV3IbmQPshfZh+xHDiAHkUPIYeQIchQ5hhxHTiAnkVPIaeQMchY5h5xHLiAXkUvIZeQqsoDcQBaR28gScg9ZRh4iK8gTZBV5jqwhr5B15C2ygXxANpHPyFfkG/Id+YH8RH4hv5E/yF/kH/JfoG+hb6Vvo2+n76DvpO+i76bvoe+l76Pvpx+gH6Qfoh+mH6EfpR+jH6efoJ+kn6Kfpp+hn6Wfo5+nX6BfpF+iX6ZfpS/Qb9AX6bfpS/R79GX6Q/oK/Ql9lf6cvkZ/RV+nv6Vv0D/QN+mf6V/p3+jf6T/oP+m/6L/pf+h/6f/o/wW6FrpWuja6droOuk66Lrpuuh66Xro+un66AbpBuiG6YboRulG6Mbpxugm6Sbopumm6GbpZujm6eboFukW6JbplulW6At0GXZFum65Et0dXpjukq9Cd0FXpzulqdFd0dbpbugbdA12T7pnule6N7p3ug+6T7ovum+6H7pfuj+5fQLIgWZFsSHYkB5ITyYXkRvIgeZF8SH6kAFIQKYQURoogRZFiSHGkBFISKYWURsogZZFySHmkAlIRqYRURqoiCUgNJBGpjSQh9ZBkpCGSgjRBUpHmSBrSCklH2iIZSAckE+mMdEW6Id2RHkhPpBfSG+mD9EX6If0FOhY6Vjo2OnY6DjpOOi46bjoeOl46Pjp+OgE6QTohOmE6ETpROjE6cToJOkk6KTppOhk6WTo5Onk6BTpFOiU6ZTpVOgKdBh2RTpuORKdHR6YzpKPQmdBR6czpaHRWdHQ6WzoGnQMdk86ZzpXOjc6dzoPOk86LzpvOh86Xzo/OX6BloWWlZaNlp+Wg5aTlouWm5aHlpeWj5acVoBWkFaIVphWhFaUVoxWnlaCVpJWilaaVoZWllaOVp1WgVaRVolWmVaUl0GrQEmm1aUm0erRkWkNaCq0JLZXWnJZGa0VLp7WlZdA60DJpnWldad1o3Wk9aD1pvWi9aX1ofWn9aP0FRAuiFdGGaEd0IDoRXYhuRA+iF9GH6EcMIAYRQ4hhxAhiFDGGGEdMICYRU4hpxAxiFjGHmEcsIBYRS4hlxCqigNhAFBHbiBJiD1FGHCIqiBNEFXGOqCGuEHXELaKBeEA0Ec+IV8Qb4h3xgfhEfCG+ET+IX8Qf4l+gaaFppWmjaafpoOmk6aLppumh6aXpo+mnGaAZpBmiGaYZoRmlGaMZp5mgmaSZopmmmaGZpZmjmadZoFmkWaJZplmlKdBs0BRptmlKNHs0ZZpDmgrNCU2V5pymRnNFU6e5pWnQPNA0aZ5pXmneaN5pPmg+ab5ovml+aH5p/mj+BeoW6lbqNup26g7qTuou6m7qHupe6j7qfuoB6kHqIeph6hHqUeox6nHqCepJ6inqaeoZ6lnqOep56gXqReol6mXqVeoC9QZ1kXqbukS9R12mPqSuUJ9QV6nPqWvUV9R16lvqBvUDdZP6mfqV+o36nfqD+pP6i/qb+of6l/qP+l9AsCBYEWwIdgQHghPBheBG8CB4EXwIfoQAQhAhhBBGiCBEEWIIcYQEQhIhhZBGyCBkEXIIeYQCQhGhhFBGqCIICA0EEaGNICH0EGSEIYKCMEFQEeYIGsIKQUfYIhgIBwQT4YxwRbgh3BEeCE+EF8Ib4YPwRfgh/AVqFmpWajZqdmoOak5qLmpuah5qXmo+an5qAWpBaiFqYWoRalFqMWpxaglqSWopamlqGWpZajlqeWoFakVqJWplalVqArUGNZFam5pErUdNpjakplCbUFOpzalp1FbUdGpbaga1AzWT2pnaldqN2p3ag9qT2ovam9qH2pfaj9pfoGKhYqVio2Kn4qDipOKi4qbioeKl4qPipxKgEqQSohKmEqESpRKjEqeSoJKkkqKSppKhkqWSo5KnUqBSpFKiUqZSpSJQaVARqbSpSFR6VGQqQyoKlQkVlcqcikZlRUWnsqViUDlQMamcqVyp3KjcqTyoPKm8qLypfKh8qfyo/A+v0DzE+r07RwAAAABJRU5ErkJggg=="}},{"type":"document","title":"notes.pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"}}]`
	var content api.Content
	if err := content.UnmarshalJSON([]byte(image)); err != nil {
		t.Fatal(err)
	}
	s.step(api.ConversationEvent{EventType: api.ConversationMessage, Role: "user", MessageID: "m2", Content: content.Text()}, export.Step{Content: &content})
	s.answer("Yes, it does. مرحبا بالعالم, 漢字, 🙂")
	s.event(api.ConversationEvent{EventType: api.ConversationSystem, Role: "system", Content: "api_retry"})
	s.event(api.ConversationEvent{EventType: api.ConversationResult, IsError: new(true), Content: "API Error: 529 overloaded",
		Raw: new(`{"type":"result","num_turns":1,"duration_ms":911,"total_cost_usd":0.2301}`)})
	return s.end()
}

func numbered(format string, n int) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(format, i+1)
	}
	return strings.Join(lines, "\n")
}

// TestRichPage keeps the pages of one conversation with something of everything.
func TestRichPage(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"md", "html"} {
		page := rich(t).page(Options{Format: format})
		compare(t, filepath.Join("testdata", "rich."+format), page)
		if to := os.Getenv("SESSIOND_PAGES"); to != "" { // to be looked at in a browser
			if err := os.WriteFile(filepath.Join(to, "rich."+format), []byte(page), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
