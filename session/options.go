package session

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/store"
)

// launch is how a session's process is started: the client's options, all
// resolved, and what a continued conversation adds. It is stored with the
// session, so it holds no secret: MCP servers, but for their names, and environment
// lie in files.
type launch struct {
	api.LaunchOptions
	Resume        string `json:"resume,omitempty"`         // conversation to go on from
	ResumeAt      string `json:"resume_at,omitempty"`      // line at which a fork begins
	Fork          bool   `json:"fork,omitempty"`           // see claude.Command
	ChangedPrompt bool   `json:"changed_prompt,omitempty"` // see claude.Command
	// Ancestors are the sessions whose conversation this one goes on with.
	Ancestors []store.Segment `json:"ancestors,omitempty"`
	// Totals are what their processes had used at their ends.
	Totals []claude.Totals `json:"totals,omitempty"`
}

// checkQuery refuses a prompt that says nothing, or more than can be said at once.
func checkQuery(field string, content api.Content) error {
	if err := checkSize(field, content.Size(), maxMessage); err != nil {
		return err
	}
	if strings.TrimSpace(content.Text()) == "" {
		return api.InvalidParams(field, "must not be empty")
	}
	return nil
}

// checkSize refuses what cannot be written to Claude Code.
func checkSize(field string, size, most int) error {
	if size <= most {
		return nil
	}
	return api.Errorf(api.ReasonLimitExceeded, "%s: it has %d bytes, and Claude Code takes no more than %d at once", field, size, most).
		With("limit", most).With("field", field).With("hint", "put it into a file, and name that to Claude Code")
}

// checkOptions refuses options that Claude Code could not be started with,
// before anything is started, and tidies those that it takes.
func checkOptions(o *api.LaunchOptions, home string) error {
	if o.WorkingDir == nil {
		o.WorkingDir = &home
	}
	if err := checkDir("working_dir", *o.WorkingDir); err != nil {
		return err
	}
	if err := checkMode(o.PermissionMode); err != nil {
		return err
	}
	if err := checkRules(deref(o.Rules)); err != nil {
		return err
	}
	if err := checkModeTimeout(o.PermissionMode, o.PermissionModeTimeoutMS); err != nil {
		return err
	}
	if o.MaxTurns != nil && *o.MaxTurns < 1 {
		return api.InvalidParams("max_turns", "%d is less than 1", *o.MaxTurns)
	}
	if o.MaxBudgetUSD != nil && !(*o.MaxBudgetUSD > 0) {
		return api.InvalidParams("max_budget_usd", "%v is not more than 0", *o.MaxBudgetUSD)
	}
	for _, dir := range deref(o.AdditionalDirectories) {
		if err := checkDir("additional_directories", dir); err != nil {
			return err
		}
	}
	return checkWords(o)
}

// checkMode refuses a permission mode that Claude Code does not know.
func checkMode(mode *string) error {
	if mode == nil || claude.ValidMode(*mode) {
		return nil
	}
	return api.InvalidParams("permission_mode", "%q is none of %s", *mode, strings.Join(claude.PermissionModes, ", "))
}

// checkModeTimeout refuses a time limit without a mode that it could be for.
func checkModeTimeout(mode *string, timeout *int64) error {
	switch {
	case timeout == nil:
		return nil
	case *timeout < 1:
		return api.InvalidParams("permission_mode_timeout_ms", "%d is less than 1", *timeout)
	case mode == nil || *mode == "default" || *mode == "manual":
		return api.InvalidParams("permission_mode_timeout_ms", "needs a permission_mode other than default, to which it falls back")
	}
	return nil
}

// checkBypass refuses what Claude Code itself would: it exits when it is to
// bypass permissions as root outside of a sandbox.
func checkBypass(mode string, env []string) error {
	if mode != "bypassPermissions" || os.Geteuid() != 0 {
		return nil
	}
	if sandbox, _ := lookUp(env, "IS_SANDBOX"); sandbox == "1" {
		return nil
	}
	return api.InvalidParams("permission_mode", "Claude Code refuses bypassPermissions to root, unless IS_SANDBOX=1 is in its environment")
}

// checkWords refuses texts that cannot be passed to a program, or mean nothing.
func checkWords(o *api.LaunchOptions) error {
	lists := map[string]*[]string{"allowed_tools": o.AllowedTools, "disallowed_tools": o.DisallowedTools, "tags": o.Tags}
	for _, field := range []string{"allowed_tools", "disallowed_tools", "tags"} {
		for _, word := range deref(lists[field]) {
			if strings.TrimSpace(word) == "" || strings.ContainsRune(word, 0) {
				return api.InvalidParams(field, "%q is not a word to use here", word)
			}
		}
	}
	if o.Model != nil {
		if err := checkModel(*o.Model); err != nil {
			return err
		}
	}
	if o.Tags != nil {
		tags := tidyTags(*o.Tags)
		o.Tags = &tags
	}
	return nil
}

func checkModel(model string) error {
	if strings.ContainsRune(model, 0) || strings.TrimSpace(model) == "" {
		return api.InvalidParams("model", "%q is not a model's name", model)
	}
	return nil
}

// tidyTags drops repeated tags; the first of each stays in its place.
func tidyTags(tags []string) []string {
	tidy := []string{}
	for _, tag := range tags {
		if tag = strings.TrimSpace(tag); !slices.Contains(tidy, tag) {
			tidy = append(tidy, tag)
		}
	}
	return tidy
}

func checkDir(field, dir string) error {
	if !filepath.IsAbs(dir) {
		return api.InvalidParams(field, "%q is not an absolute path", dir)
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return api.InvalidParams(field, "%s does not exist", dir)
	case err != nil:
		return api.InvalidParams(field, "%v", err)
	case !info.IsDir():
		return api.InvalidParams(field, "%s is not a directory", dir)
	}
	return nil
}

// checkEnv refuses an environment that no process can have.
func checkEnv(env map[string]string) error {
	for name, value := range env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			before, _, _ := strings.Cut(name, "=") // what is behind it may be meant for a value
			return api.InvalidParams("env", "%q is not the whole of a variable's name: no = and no NUL byte may be in it", before)
		}
		if strings.ContainsRune(value, 0) {
			return api.InvalidParams("env", "the value of %s holds a NUL byte", name)
		}
	}
	return nil
}

// overlay returns what a session inherits, with what its own options replace.
// Whether it is interactive, unattended or partial is never inherited.
func overlay(inherited, own api.LaunchOptions) api.LaunchOptions {
	o := own
	o.WorkingDir = cmp.Or(own.WorkingDir, inherited.WorkingDir)
	o.Title = cmp.Or(own.Title, inherited.Title)
	o.Model = cmp.Or(own.Model, inherited.Model)
	o.PermissionMode = cmp.Or(own.PermissionMode, inherited.PermissionMode)
	if own.PermissionMode == nil && own.PermissionModeTimeoutMS == nil {
		o.PermissionModeTimeoutMS = inherited.PermissionModeTimeoutMS
	}
	o.AllowedTools = cmp.Or(own.AllowedTools, inherited.AllowedTools)
	o.DisallowedTools = cmp.Or(own.DisallowedTools, inherited.DisallowedTools)
	o.AdditionalDirectories = cmp.Or(own.AdditionalDirectories, inherited.AdditionalDirectories)
	o.SystemPrompt = cmp.Or(own.SystemPrompt, inherited.SystemPrompt)
	o.AppendSystemPrompt = cmp.Or(own.AppendSystemPrompt, inherited.AppendSystemPrompt)
	o.MaxTurns = cmp.Or(own.MaxTurns, inherited.MaxTurns)
	o.MaxBudgetUSD = cmp.Or(own.MaxBudgetUSD, inherited.MaxBudgetUSD)
	o.Tags = cmp.Or(own.Tags, inherited.Tags)
	o.Rules = cmp.Or(own.Rules, inherited.Rules)
	return o
}

// deref is the value behind p, or the zero value.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// paramsHash tells whether two calls with the same idempotency key ask for the
// same. Secrets are no part of it, since it is stored: env is left out, and of
// mcp_config all but the servers' names.
func paramsHash(method string, params any, mcp mcpConfig) string {
	b, err := api.Marshal([]any{method, params, mcp.names()})
	if err != nil {
		panic(fmt.Sprintf("session: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// mcpConfig is an MCP configuration as Claude Code takes it. Its servers'
// environment and headers are secrets.
type mcpConfig struct {
	Servers map[string]map[string]json.RawMessage `json:"mcpServers"`
}

func (c mcpConfig) names() []string {
	names := []string{}
	for name := range c.Servers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// withoutSecrets is what is stored of it with the session: which servers there are.
func (c mcpConfig) withoutSecrets() json.RawMessage {
	if len(c.Servers) == 0 {
		return nil
	}
	bare := mcpConfig{Servers: map[string]map[string]json.RawMessage{}}
	for name := range c.Servers {
		bare.Servers[name] = map[string]json.RawMessage{}
	}
	return mustJSON(bare)
}

// servers are the names of the MCP servers that the session was launched with.
func (l *launch) servers() []string {
	var c mcpConfig
	_ = json.Unmarshal(l.MCPConfig, &c) // there is none, or it is withoutSecrets's
	return c.names()
}

// parseMCP checks a client's mcp_config. An empty one means no servers.
func parseMCP(raw json.RawMessage) (mcpConfig, error) {
	const field = "mcp_config"
	var c mcpConfig
	if len(raw) == 0 || string(raw) == "null" {
		return c, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return c, api.InvalidParams(field, "must be an object {mcpServers: {…}}")
	}
	for name := range members {
		if name != "mcpServers" {
			return c, api.InvalidParams(field, "%q is not known here; servers belong into mcpServers", name)
		}
	}
	if json.Unmarshal(raw, &c) != nil {
		return c, api.InvalidParams(field, "mcpServers must be an object of objects")
	}
	for name, server := range c.Servers {
		if !hasText(server["command"]) && !hasText(server["url"]) {
			return c, api.InvalidParams(field, "server %q has neither a command nor a url", name)
		}
		var env map[string]string
		if server["env"] != nil && json.Unmarshal(server["env"], &env) != nil {
			return c, api.InvalidParams(field, "env of server %q must be an object of texts", name)
		}
	}
	return c, nil
}

func hasText(raw json.RawMessage) bool {
	var s string
	return json.Unmarshal(raw, &s) == nil && s != ""
}

// mark gives every server that is a program the session's ids in its environment.
func (c mcpConfig) mark(ids map[string]string) error {
	for name, server := range c.Servers {
		if !hasText(server["command"]) {
			continue
		}
		env := map[string]string{}
		if server["env"] != nil {
			if err := json.Unmarshal(server["env"], &env); err != nil {
				return fmt.Errorf("environment of MCP server %q: %w", name, err)
			}
		}
		for k, v := range ids {
			env[k] = v
		}
		server["env"] = mustJSON(env)
	}
	return nil
}
