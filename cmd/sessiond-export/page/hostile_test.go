package page

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/internal/traces"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestTracesMakeSoundPages makes pages of all that Claude Code was seen to print.
func TestTracesMakeSoundPages(t *testing.T) {
	t.Parallel()
	for _, version := range traces.Versions() {
		for _, name := range traces.Names(version) {
			t.Run(version+"/"+name, func(t *testing.T) {
				t.Parallel()
				check(t, traced(t, version, name))
			})
		}
	}
	check(t, rich(t))
}

// hostile are texts that would break out of their place.
var hostile = []string{
	"<script>alert(1)</script>", "</pre></details></section></body><script>alert(1)</script>", `"><img src=x onerror=alert(1)>`,
	"<!-- ", "<!--\n\n```", "<![CDATA[", "<?php", "<style>*{display:none}</style>", "</style><script>alert(1)</script>", "<details>", "</details>",
	"```", "````\n```\n`````", "~~~", "    ```\n\t~~~", "```html\n<script>\n", "<pre>\n```\n</pre>\n\n```\n<script>x</script>\n```", "- ```\n  open", "> ```\nout", "`", "a ``` b", "``\n```",
	"[x](javascript:alert(1))", "[x]( jAvAsCrIpT&colon;alert(1))", "[x](&#106;avascript:alert(1))", "[x](data:text/html,<script>alert(1)</script>)", "[x](vbscript:x)", "[x](//evil.example)", "[x](file:///etc/passwd)", "[](javascript:x)",
	"[x][1]\n\n[1]: javascript:alert(1)", "[1]: javascript:x\n[x][1] ![1]", "<javascript:alert(1)>", "<http://a.example/\"onmouseover=x>", "[a](http://a.example \"t\"onclick=\"x\")", "javascript:alert(1)",
	"![x](http://tracker.example/p.png)", "![x][1]\n\n[1]: http://tracker.example/p.png", "[![x](http://t.example/p)](javascript:x)", "![", "\\![x](http://t.example)", "\\\\![x](http://t.example)", "\\\\<b>",
	"\x1b[2J\x1b]0;owned\x07", "\u009b31m", "a\rb", "\u202egnp.exe", "&#x202e;x", "&#27;[2J", "&#0;", "\x00", "\xff\xfe", "\u2028", "&lt;script&gt;", "&colon;",
	"# heading\n## Prompt 99\n---\ntitle: no\n---", "Prompt 9\n===", "---", "***", "| a |\n|---|\n| <b> ![](x) |", "|\n|-|\n|`|`|", "- a\n  - b\n\n\n   c", "1. x", "===", "    indented\n\n\tcode <b>", "\t<script>alert(1)</script>",
	"> quote\nlazy", "* * *\n<b>", "<a href='javascript:x'>y</a>", "http://a.example/<b>", "www.a.example", "ftp://a.example", "a@b.example", "<a@b.example>", "[^1]\n\n[^1]: note", "$$\\require{x}$$", "<b\nonclick=x>", "<b/onclick=x>", "\\", "a\\", "\\`<b>`", "`\\`<b>", "{{.}}", "{{template \"end\"}}",
	"\n", "\r\n", strings.Repeat("> ", 50) + "```", strings.Repeat("[", 300), strings.Repeat("`", 99), strings.Repeat("*a", 200), strings.Repeat("- ", 40) + "<script>", "",
}

// everywhere puts a text into all places of a conversation that come from elsewhere.
func everywhere(t testing.TB, s string) *stream {
	about := aSession()
	about.Title, about.Query, about.WorkingDir, about.Model, about.Tags = s, s, s, s, []string{s}
	about.ErrorMessage, about.PermissionMode, about.Status, about.ParentSessionID = s, s, api.Status(s), s
	st := newStream(t, about)
	st.prompt(s)
	st.event(api.ConversationEvent{EventType: api.ConversationThinking, Content: s})
	st.answer(s)
	st.call("c1", s, map[string]any{"command": s, "description": s, s: s})
	st.event(api.ConversationEvent{EventType: api.ConversationToolResult, ToolResultForID: "c1", Content: s, IsError: new(true)})
	st.step(api.ConversationEvent{EventType: api.ConversationToolCall, ToolID: "c2", ToolName: "Edit", ApprovalID: "a", ApprovalStatus: api.ApprovalStatus(s),
		ToolInput: mustJSON(t, map[string]any{"file_path": s, "old_string": "x", "new_string": s}), IsCompleted: new(true)},
		export.Step{Approval: &api.Approval{Status: api.ApprovalStatus(s), ResolvedBy: s, Comment: s}})
	st.call(s+"id", "Task", map[string]any{"description": s, "prompt": s})
	for _, ev := range []api.ConversationEvent{
		{EventType: api.ConversationMessage, Role: "assistant", Content: s}, {EventType: api.ConversationMessage, Role: "user", Content: s},
		{EventType: api.ConversationThinking, Content: s}, {EventType: api.ConversationToolResult, ToolResultForID: "gone", Content: s},
	} {
		ev.ParentToolUseID = s + "id"
		st.event(ev)
	}
	st.result("c2", s)
	st.result(s+"id", s)
	st.event(api.ConversationEvent{EventType: api.ConversationSystem, Content: "api_retry " + s})
	st.event(api.ConversationEvent{EventType: api.ConversationUnparsed, Content: s})
	st.event(api.ConversationEvent{EventType: api.ConversationType(s), Content: s})
	st.event(api.ConversationEvent{EventType: api.ConversationResult, Content: s, IsError: new(true), Raw: &s})
	var content api.Content
	blocks := mustJSON(t, []map[string]any{{"type": "text", "text": s}, {"type": "x" + s, "title": s},
		{"type": "image", "source": map[string]any{"type": "base64", "media_type": s, "data": s}},
		{"type": "image", "source": map[string]any{"type": "base64", "media_type": "image/png", "data": s}},
		{"type": "image", "source": map[string]any{"type": "url", "url": s}}})
	if err := content.UnmarshalJSON(blocks); err != nil {
		t.Fatal(err)
	}
	st.step(api.ConversationEvent{EventType: api.ConversationMessage, Role: "user", MessageID: s + "m", Content: "[image]" + s}, export.Step{Content: &content})
	other := aSession()
	other.ID, other.Status = s+"o", api.Status(s)
	st.line(export.Line{Session: &other})
	st.answer(s)
	st.prompt("the last one")
	return st.end()
}

func mustJSON(t testing.TB, v any) []byte {
	b, err := api.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkText checks that a text is harmless in all places, and that what
// stands in fences and behind it is whole.
func checkText(t testing.TB, s string) {
	s = string([]rune(s)) // as it comes in JSON
	st := everywhere(t, s)
	if err := checkHTML(st.page(Options{Format: "html", Full: true})); err != nil {
		t.Fatalf("%q: html: %v", s, err)
	}
	headings, blocks, err := checkMarkdown(st.page(Options{Format: "md", Full: true}))
	if err != nil {
		t.Fatalf("%q: md: %v", s, err)
	}
	// The last prompt is a heading of the page, not part of what came before.
	last := "Prompt 3 · "
	if strings.TrimSpace(s) == "" {
		last = "Prompt 2 · " // one that says nothing is none
	}
	if n := len(headings); n == 0 || !strings.HasPrefix(headings[n-1], last) {
		t.Fatalf("%q: md: the last prompt is lost: %q", s, headings)
	}
	want := tidy(s) + "\n"
	if strings.TrimSpace(s) != "" && !slices.Contains(blocks, want) {
		t.Fatalf("%q: md: no code block holds it: %q", s, blocks)
	}
}

// FuzzNothingBreaksOut puts hostile texts everywhere, and any text.
func FuzzNothingBreaksOut(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 500 {
			t.Skip("long ones find nothing more, and take long")
		}
		checkText(t, s)
	})
}

// FuzzProse makes any Markdown a part of a page in Markdown.
func FuzzProse(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, prefix := range []string{"", "> > "} {
			page := "---\n---\n\n" + quote(prefix, "before\n") + prose(prefix, s) + quote(prefix, "\n## behind")
			headings, _, err := checkMarkdown(page)
			if n := len(headings); err != nil || n == 0 || headings[n-1] != "behind" {
				t.Fatalf("%q with %q: %v, %q:\n%s", s, prefix, err, headings, page)
			}
		}
	})
}

// FuzzRendered makes any Markdown a part of a page in HTML.
func FuzzRendered(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s = plain.Clean(s); !legible(s) {
			t.Skip()
		}
		page := "<!DOCTYPE html>\n<html><head><style></style></head><body><div>" + string(rendered(s)) + "</div></body></html>"
		if err := checkHTML(page); err != nil {
			t.Fatalf("%q: %v:\n%s", s, err, page)
		}
	})
}

// FuzzFence puts any text into a fence: it is all that stands there.
func FuzzFence(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = tidy(s)
		for _, prefix := range []string{"", "> ", "> > "} {
			page := "---\n---\n\n" + quote(prefix, "before") + quote(prefix, "") + quote(prefix, fence("text", s)) + quote(prefix, "\n## behind")
			headings, blocks, err := checkMarkdown(page)
			if err != nil || len(blocks) != 1 || blocks[0] != s+"\n" || len(headings) != 1 {
				t.Fatalf("%q with %q: %v, %q, %q", s, prefix, err, blocks, headings)
			}
		}
	})
}

// TestPolicyIsThatOfTheStyle has the page's style be the one that its policy allows.
func TestPolicyIsThatOfTheStyle(t *testing.T) {
	t.Parallel()
	page := newStream(t, aSession()).end().page(Options{Format: "html"})
	if !strings.Contains(page, "<style>"+style+"</style>") {
		t.Error("the style is not as it was hashed")
	}
	if policy := strings.ReplaceAll(policy(), "'", "&#39;"); !strings.Contains(page, strings.ReplaceAll(policy, "+", "&#43;")) {
		t.Error("the policy is not there")
	}
	if strings.ContainsFunc(page, plain.Unsafe) || strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style loads something")
	}
}
