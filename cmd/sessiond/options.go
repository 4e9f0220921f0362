package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
	"github.com/spf13/pflag"

	"github.com/sessiond/sessiond/rpc/api"
)

// launchFlags are the flags for what Claude Code is started with, the same for
// launch and continue.
type launchFlags struct {
	set *pflag.FlagSet

	dir, title, model, mode, systemPrompt, appendSystemPrompt, mcp string
	allowed, disallowed, addDirs, tags, rules                      []string
	modeTimeout                                                    time.Duration
	maxTurns                                                       int
	maxBudget                                                      float64
	interactive, unattended, partial                               bool

	idempotencyKey string
	detach         bool
	wait           bool
	timeout        time.Duration // with wait; 0: none
}

func newLaunchFlags(f *pflag.FlagSet) *launchFlags {
	l := &launchFlags{set: f}
	f.StringVarP(&l.dir, "dir", "C", "", "`directory` to work in")
	f.StringVarP(&l.title, "title", "t", "", "`name` for lists")
	f.StringVarP(&l.model, "model", "m", "", "`model` name or alias")
	l.addModeFlags(f)
	f.StringArrayVar(&l.allowed, "allowed-tools", nil, "tool `rule` that is allowed without asking, such as 'Bash(git log:*)'; may be repeated")
	f.StringArrayVar(&l.disallowed, "disallowed-tools", nil, "tool `rule` that is refused without asking; may be repeated")
	f.StringArrayVar(&l.addDirs, "add-dir", nil, "another `directory` that Claude Code may use; may be repeated")
	f.StringVar(&l.systemPrompt, "system-prompt", "", "`text` that replaces Claude Code's own system prompt")
	f.StringVar(&l.appendSystemPrompt, "append-system-prompt", "", "`text` that is added to the system prompt")
	f.StringVar(&l.mcp, "mcp-config", "", "MCP servers: a `JSON` object, or a file that holds one")
	f.IntVar(&l.maxTurns, "max-turns", 0, "`limit` of agent turns for each prompt")
	f.Float64Var(&l.maxBudget, "max-budget-usd", 0, "`limit` of the session's cost in US dollars")
	f.StringArrayVar(&l.tags, "tag", nil, "`label`; may be repeated")
	f.BoolVar(&l.interactive, "interactive", false, "stay alive between turns and wait for messages")
	f.BoolVar(&l.unattended, "unattended", false, "ask nothing: let Claude Code refuse what it would ask for")
	f.BoolVar(&l.partial, "include-partial-messages", false, "have Claude Code print deltas, for 'watch --partial'")
	f.StringVar(&l.idempotencyKey, "idempotency-key", "", "a second call with the same `key` starts no second session")
	f.BoolVarP(&l.detach, "detach", "d", false, "print only the new session's id, and follow nothing")
	f.BoolVar(&l.wait, "wait", false, "print only the result, when it is there")
	f.DurationVar(&l.timeout, "timeout", 0, "with --wait: wait at most so long, such as 30m; the session goes on")
	f.SortFlags = false
	return l
}

// addModeFlags adds the flags for what is asked of a person.
func (l *launchFlags) addModeFlags(f *pflag.FlagSet) {
	f.StringVar(&l.mode, "permission-mode", "", "`mode`: default, manual, acceptEdits, plan, auto, dontAsk or bypassPermissions")
	f.DurationVar(&l.modeTimeout, "permission-mode-timeout", 0, "`time` after which that mode falls back to default, such as 30m")
	f.StringArrayVar(&l.rules, "rule", nil, ruleUsage)
}

// givenRules is givenList for rules.
func (l *launchFlags) givenRules() (*[]api.Rule, error) {
	texts := givenList(l, "rule", l.rules)
	if texts == nil {
		return nil, nil
	}
	rules, err := parseRules(*texts)
	return &rules, err
}

// options are the launch options that were given, and only those.
func (l *launchFlags) options() (api.LaunchOptions, error) {
	switch {
	case l.wait && l.detach:
		return api.LaunchOptions{}, usagef("--wait and --detach exclude each other")
	case l.set.Changed("timeout") && (!l.wait || l.timeout <= 0):
		return api.LaunchOptions{}, usagef("--timeout goes with --wait, and must be more than 0")
	}
	o := api.LaunchOptions{
		WorkingDir: given(l, "dir", l.dir), Title: given(l, "title", l.title), Model: given(l, "model", l.model),
		PermissionMode: given(l, "permission-mode", l.mode),
		AllowedTools:   givenList(l, "allowed-tools", l.allowed), DisallowedTools: givenList(l, "disallowed-tools", l.disallowed),
		AdditionalDirectories: givenList(l, "add-dir", l.addDirs), Tags: givenList(l, "tag", l.tags),
		SystemPrompt: given(l, "system-prompt", l.systemPrompt), AppendSystemPrompt: given(l, "append-system-prompt", l.appendSystemPrompt),
		MaxTurns: given(l, "max-turns", l.maxTurns), MaxBudgetUSD: given(l, "max-budget-usd", l.maxBudget),
		Interactive: given(l, "interactive", l.interactive), Unattended: given(l, "unattended", l.unattended),
		IncludePartialMessages:  given(l, "include-partial-messages", l.partial),
		PermissionModeTimeoutMS: given(l, "permission-mode-timeout", l.modeTimeout.Milliseconds()),
	}
	if o.WorkingDir != nil {
		if err := makeAbsolute(o.WorkingDir); err != nil {
			return o, err
		}
	}
	if o.AdditionalDirectories != nil {
		for i := range *o.AdditionalDirectories {
			if err := makeAbsolute(&(*o.AdditionalDirectories)[i]); err != nil {
				return o, err
			}
		}
	}
	var err error
	if o.Rules, err = l.givenRules(); err != nil {
		return o, err
	}
	if l.set.Changed("mcp-config") {
		o.MCPConfig, err = readMCP(l.mcp)
	}
	return o, err
}

// given returns a pointer to v if the flag was on the command line.
func given[T any](l *launchFlags, flag string, v T) *T {
	if !l.set.Changed(flag) {
		return nil
	}
	return &v
}

// givenList is given for a list, which one empty value empties: with continue,
// that replaces what would be inherited.
func givenList(l *launchFlags, flag string, v []string) *[]string {
	if len(v) == 1 && v[0] == "" {
		v = []string{}
	}
	return given(l, flag, v)
}

func makeAbsolute(path *string) error {
	abs, err := filepath.Abs(*path)
	if err != nil {
		return err
	}
	*path = abs
	return nil
}

// readMCP takes a JSON object as it is, and anything else as the name of a file.
func readMCP(value string) (json.RawMessage, error) {
	b := []byte(value)
	if !strings.HasPrefix(strings.TrimSpace(value), "{") {
		var err error
		if b, err = os.ReadFile(value); err != nil {
			return nil, usagef("--mcp-config: %w", err)
		}
	}
	if !json.Valid(b) {
		return nil, usagef("--mcp-config: not JSON")
	}
	return b, nil
}

// prompt takes the prompt from the arguments, or from standard input where
// they are "-", or missing while nobody types.
func (a *app) prompt(args []string) (api.Content, error) {
	text := strings.Join(args, " ")
	f, isFile := a.stdin.(*os.File)
	typed := isFile && isatty.IsTerminal(f.Fd())
	switch {
	case len(args) == 1 && args[0] == "-" || len(args) == 0 && !typed:
		b, err := io.ReadAll(a.stdin)
		if err != nil {
			return api.Content{}, fmt.Errorf("read the prompt: %w", err)
		}
		text = string(bytes.TrimRight(b, "\r\n"))
	case len(args) == 0:
		return api.Content{}, usagef("a prompt is missing: give it as an argument, or '-' to read it from standard input")
	}
	if strings.TrimSpace(text) == "" {
		return api.Content{}, usagef("the prompt is empty")
	}
	if !utf8.ValidString(text) {
		return api.Content{}, usagef("the prompt is not text: it holds bytes that are not UTF-8")
	}
	return api.Text(text), nil
}

// atMost is what --limit and --all say together: how many at most, 0: all.
func atMost(limit int, all bool) (int, error) {
	switch {
	case limit < 1:
		return 0, usagef("--limit must be 1 or more")
	case all:
		return 0, nil
	}
	return limit, nil
}

// environment is what the session gets: the caller's own.
func (a *app) environment() map[string]string {
	m := make(map[string]string, len(a.env))
	for _, kv := range a.env {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			m[k] = v
		}
	}
	return m
}
