package main

import (
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// ruleUsage is the help of the flag --rule.
const ruleUsage = "`rule` by which the daemon answers itself, such as 'approve Bash(git log *)' or 'deny Bash(rm *): a reason'; the first that matches counts; may be repeated"

// parseRule reads a rule as it stands on a command line: what to do, the tool,
// and, behind a colon, why.
func parseRule(text string) (api.Rule, error) {
	decision, tool, _ := strings.Cut(strings.TrimSpace(text), " ")
	r := api.Rule{Decision: api.Decision(decision), Tool: strings.TrimSpace(tool)}
	if r.Decision != api.DecisionApprove && r.Decision != api.DecisionDeny || r.Tool == "" {
		return r, usagef("--rule %q: it must begin with approve or deny, followed by a tool", text)
	}
	end := ": "
	if strings.Contains(r.Tool, "(") {
		end = "): " // a pattern may hold colons
	}
	if tool, comment, ok := strings.Cut(r.Tool, end); ok {
		r.Tool, r.Comment = tool+end[:len(end)-2], strings.TrimSpace(comment)
	}
	return r, nil
}

func parseRules(texts []string) ([]api.Rule, error) {
	rules := make([]api.Rule, len(texts))
	for i, text := range texts {
		var err error
		if rules[i], err = parseRule(text); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// ruleText is a rule as parseRule reads it.
func ruleText(r api.Rule) string {
	text := string(r.Decision) + " " + r.Tool
	if r.Comment != "" {
		text += ": " + r.Comment
	}
	return cleanLine(text)
}

// rulesText has a line for each rule.
func rulesText(rules []api.Rule) string {
	lines := make([]string, len(rules))
	for i, r := range rules {
		lines[i] = ruleText(r)
	}
	return strings.Join(lines, "\n")
}
