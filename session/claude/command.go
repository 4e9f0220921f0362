package claude

import (
	"slices"
	"strconv"
)

// PermissionModes are the words that --permission-mode takes.
var PermissionModes = []string{"default", "manual", "acceptEdits", "plan", "auto", "dontAsk", "bypassPermissions"}

// Command is what Claude Code is started with. Prompts and MCP servers are
// given as files, because arguments are public and of limited length.
type Command struct {
	SessionID   string // of the conversation, new or resumed
	Resume      string // the conversation to go on from; "" for a new one
	ResumeAt    string // uuid of the assistant line at which a fork begins
	Fork        bool   // SessionID is a new conversation that begins as a copy of Resume
	Model       string
	Mode        string // permission mode
	Allowed     []string
	Disallowed  []string
	Directories []string

	SystemPromptFile       string
	AppendSystemPromptFile string
	// ChangedPrompt says that the prompts of a resumed conversation are not to
	// be those that were recorded with it.
	ChangedPrompt bool
	MCPConfigFile string

	MaxTurns     int
	MaxBudgetUSD float64
	Unattended   bool // ask nothing
	Partial      bool // print deltas
}

// Args returns the arguments for a claude with the given abilities. Each value
// is part of its flag's argument, so that none is ever read as a flag.
func (c *Command) Args(v Version) []string {
	args := []string{"-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose"}
	value := func(flag, value string) {
		if value != "" {
			args = append(args, flag+"="+value)
		}
	}
	each := func(flag string, values []string) {
		for _, v := range values {
			value(flag, v)
		}
	}
	when := func(flag string, on bool) {
		if on {
			args = append(args, flag)
		}
	}
	value("--resume", c.Resume)
	when("--fork-session", c.Fork)
	value("--resume-session-at", c.ResumeAt)
	if c.Resume == "" || c.Fork {
		value("--session-id", c.SessionID)
	}
	if !c.Unattended {
		args = append(args, "--permission-prompt-tool=stdio")
	}
	value("--model", c.Model)
	value("--permission-mode", c.Mode)
	each("--allowed-tools", c.Allowed)
	each("--disallowed-tools", c.Disallowed)
	each("--add-dir", c.Directories)
	value("--system-prompt-file", c.SystemPromptFile)
	value("--append-system-prompt-file", c.AppendSystemPromptFile)
	if c.Resume != "" && c.ChangedPrompt && v.HasPromptSnapshot() {
		args = append(args, "--system-prompt-snapshot=off")
	}
	value("--mcp-config", c.MCPConfigFile)
	if c.MaxTurns > 0 {
		value("--max-turns", strconv.Itoa(c.MaxTurns))
	}
	if c.MaxBudgetUSD > 0 {
		value("--max-budget-usd", strconv.FormatFloat(c.MaxBudgetUSD, 'f', -1, 64))
	}
	when("--include-partial-messages", c.Partial)
	when("--replay-user-messages", !v.HasLifecycle())
	return args
}

// ValidMode reports whether mode is a permission mode that Claude Code knows.
func ValidMode(mode string) bool { return slices.Contains(PermissionModes, mode) }
