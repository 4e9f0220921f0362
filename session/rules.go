package session

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// checkRules refuses rules that could never answer anything.
func checkRules(rules []api.Rule) error {
	for i, r := range rules {
		name, _, ok := splitRule(r.Tool)
		switch {
		case !ok || name == "":
			return api.InvalidParams("rules", "%d: %q is neither a tool's name nor name(pattern)", i, r.Tool)
		case r.Decision != api.DecisionApprove && r.Decision != api.DecisionDeny:
			return api.InvalidParams("rules", "%d: %q is neither approve nor deny", i, r.Decision)
		}
	}
	return nil
}

// splitRule takes "name(pattern)" apart; a name alone has the pattern "*".
func splitRule(tool string) (name, pattern string, ok bool) {
	name, rest, found := strings.Cut(tool, "(")
	if !found {
		return tool, "*", !strings.Contains(tool, ")")
	}
	pattern, ok = strings.CutSuffix(rest, ")")
	return name, pattern, ok
}

// subjects names the member of a tool's input that a pattern is for.
var subjects = map[string]string{"Bash": "command", "Read": "file_path", "Edit": "file_path", "Write": "file_path",
	"MultiEdit": "file_path", "NotebookEdit": "notebook_path", "WebFetch": "url", "WebSearch": "query", "Glob": "pattern", "Grep": "pattern"}

// ruleFor returns the first rule that answers a question, nil if none does.
// Questions that are put to the user (kind question) are for people only.
func ruleFor(rules []api.Rule, a *api.Approval) *api.Rule {
	if a.Kind != api.ApprovalTool {
		return nil
	}
	for i := range rules {
		if matches(&rules[i], a) {
			return &rules[i]
		}
	}
	return nil
}

func matches(r *api.Rule, a *api.Approval) bool {
	name, pattern, _ := splitRule(r.Tool)
	if !glob(name, a.ToolName) {
		return false
	}
	if pattern == "*" {
		return true
	}
	subject := string(a.ToolInput)
	if member, known := subjects[a.ToolName]; known {
		var input map[string]any
		if json.Unmarshal(a.ToolInput, &input) != nil {
			return false
		}
		subject, _ = input[member].(string)
	}
	if a.ToolName != "Bash" {
		return glob(pattern, subject)
	}
	// A pattern for a command speaks of one command. To approve it must be the
	// only one; to deny it may be any of several.
	if parts := commands(subject); r.Decision == api.DecisionDeny {
		return slices.ContainsFunc(parts, func(part string) bool { return glob(pattern, part) })
	}
	return !strings.ContainsAny(subject, shellSpecial) && glob(pattern, strings.TrimSpace(subject))
}

// shellSpecial are the characters by which one line of shell does more than one
// thing, or another thing than it says.
const shellSpecial = ";&|`$()<>\n\\{}"

// commands splits a line of shell wherever another command may begin. It need
// not be right about quotes: it only ever makes a deny rule match more.
func commands(line string) []string {
	parts := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(";&|`$()\n{}", r) })
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return append(parts, strings.TrimSpace(line))
}

// glob reports whether text is what pattern says, a star standing for any text.
// As in Claude Code's own rules, "git log *" is also for "git log" alone.
func glob(pattern, text string) bool {
	if rest, ok := strings.CutSuffix(pattern, " *"); ok && !strings.Contains(rest, "*") && text == rest {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}
