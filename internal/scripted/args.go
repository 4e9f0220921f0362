package scripted

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/claudecli"
)

// flavour is how a version of Claude Code behaves.
type flavour struct {
	version string
	// modern: command_lifecycle, states in the answer to initialize, error
	// codes, times on assistant lines.
	modern bool
	model  string // the default one
}

func flavourOf(version string) flavour {
	if version == claudecli.Kept {
		return flavour{version: version, model: "claude-opus-4-8"}
	}
	return flavour{version: version, modern: true, model: "claude-opus-5-5"}
}

// refusal is what the real one says on standard error before it exits.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// options are what the arguments said.
type options struct {
	values map[string][]string // by flag, without dashes
}

func (o *options) has(flag string) bool   { return len(o.values[flag]) > 0 }
func (o *options) get(flag string) string { return strings.Join(o.values[flag], ",") }

// kind says what a flag takes.
type kind int

const (
	isSwitch kind = iota
	takesValue
	takesList // one value behind "=", else all arguments up to the next flag
)

// flags are those of the real one that a host may use, by their first names.
var flags = map[string]kind{
	"--print": isSwitch, "--verbose": isSwitch, "--fork-session": isSwitch, "--include-partial-messages": isSwitch,
	"--replay-user-messages": isSwitch, "--no-session-persistence": isSwitch, "--disable-slash-commands": isSwitch, "--json-schema": takesValue, "--strict-mcp-config": isSwitch, "--dangerously-skip-permissions": isSwitch,
	"--input-format": takesValue, "--output-format": takesValue, "--permission-prompt-tool": takesValue,
	"--session-id": takesValue, "--resume": takesValue, "--resume-session-at": takesValue, "--model": takesValue,
	"--fallback-model": takesValue, "--permission-mode": takesValue, "--system-prompt": takesValue,
	"--system-prompt-file": takesValue, "--append-system-prompt": takesValue, "--append-system-prompt-file": takesValue,
	"--system-prompt-snapshot": takesValue, "--max-turns": takesValue, "--max-budget-usd": takesValue,
	"--settings": takesValue, "--setting-sources": takesValue,
	"--allowed-tools": takesList, "--disallowed-tools": takesList, "--tools": takesList, "--add-dir": takesList, "--mcp-config": takesList,
}

var otherNames = map[string]string{
	"-p": "--print", "-r": "--resume", "--allowedTools": "--allowed-tools", "--disallowedTools": "--disallowed-tools",
}

// fileFlags name files that must exist; what the real one calls them.
var fileFlags = map[string]string{
	"system-prompt-file": "System prompt", "append-system-prompt-file": "Append system prompt", "settings": "Settings",
}

func parse(f flavour, args []string) (*options, error) {
	o := &options{values: map[string][]string{}}
	for len(args) > 0 {
		arg := args[0]
		name, value, joined := strings.Cut(arg, "=")
		if other, found := otherNames[name]; found {
			name = other
		}
		kind, known := flags[name]
		if !known || (name == "--system-prompt-snapshot" && !f.modern) {
			return nil, refuse("error: unknown option '%s'", arg)
		}
		args = args[1:]
		values := []string{value}
		if !joined && kind != isSwitch {
			if values, args = takeValues(kind, args); len(values) == 0 {
				return nil, refuse("error: option '%s <value>' argument missing", name)
			}
		}
		key := strings.TrimPrefix(name, "--")
		if kind == takesList {
			values = append(o.values[key], values...)
		}
		o.values[key] = values
	}
	return o, o.check(f)
}

// takeValues takes a flag's values off the arguments behind it.
func takeValues(k kind, args []string) (values, rest []string) {
	n := 0
	for n < len(args) && !strings.HasPrefix(args[n], "-") && (k == takesList || n == 0) {
		n++
	}
	return args[:n], args[n:]
}

func (o *options) check(f flavour) error {
	if o.get("output-format") != "stream-json" || o.get("input-format") != "stream-json" || !o.has("print") {
		return refuse("Error: --input-format=stream-json requires output-format=stream-json.")
	}
	if !o.has("verbose") {
		return refuse("Error: When using --print, --output-format=stream-json requires --verbose")
	}
	if mode := o.get("permission-mode"); mode != "" && !slices.Contains(modes(f), mode) {
		return refuse("error: option '--permission-mode <mode>' argument '%s' is invalid. Allowed choices are %s.", mode, strings.Join(modes(f), ", "))
	}
	if o.bypasses() && os.Geteuid() == 0 && os.Getenv("IS_SANDBOX") != "1" {
		return refuse("--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons")
	}
	if id := o.get("session-id"); id != "" && uuid.Validate(id) != nil {
		return refuse("Error: Invalid session ID. Must be a valid UUID.")
	}
	if o.has("session-id") && o.has("resume") && !o.has("fork-session") {
		return refuse("Error: --session-id with --continue or --resume also needs --fork-session.")
	}
	return o.checkNumbersAndFiles()
}

func (o *options) checkNumbersAndFiles() error {
	if o.has("max-turns") && o.maxTurns() < 0 {
		return refuse("error: option '--max-turns <turns>' argument '%s' is invalid. must be a number", o.get("max-turns"))
	}
	if o.has("max-budget-usd") && o.maxBudget() <= 0 {
		return refuse("error: option '--max-budget-usd <amount>' argument '%s' is invalid. --max-budget-usd must be a number greater than 0", o.get("max-budget-usd"))
	}
	for flag, name := range fileFlags {
		if path := o.get(flag); path != "" && (flag != "settings" || !json.Valid([]byte(path))) {
			if _, err := os.Stat(path); err != nil {
				return refuse("Error: %s file not found: %s", name, path)
			}
		}
	}
	_, err := o.mcpServers()
	return err
}

// modes are the values of --permission-mode; the old version calls manual default.
func modes(f flavour) []string {
	modes := []string{"acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "plan"}
	if f.modern {
		modes = append(modes, "manual")
	}
	return modes
}

func (o *options) bypasses() bool {
	return o.get("permission-mode") == "bypassPermissions" || o.has("dangerously-skip-permissions")
}

// maxTurns is 0 if there is no limit, and negative if it is no number.
func (o *options) maxTurns() int {
	if !o.has("max-turns") {
		return 0
	}
	n, err := strconv.Atoi(o.get("max-turns"))
	if err != nil {
		return -1
	}
	return n
}

// maxBudget is 0 if there is no limit, or if it is no number.
func (o *options) maxBudget() float64 {
	amount, err := strconv.ParseFloat(o.get("max-budget-usd"), 64)
	if err != nil {
		return 0
	}
	return amount
}

// mcpServers are the servers of every --mcp-config, a file or JSON, by name.
func (o *options) mcpServers() ([]string, error) {
	var names []string
	for _, c := range o.values["mcp-config"] {
		data := []byte(c)
		if !strings.HasPrefix(strings.TrimSpace(c), "{") {
			var err error
			if data, err = os.ReadFile(c); err != nil {
				return nil, refuse("Error: Invalid MCP configuration:\nMCP config file not found: %s", c)
			}
		}
		var config struct {
			Servers map[string]json.RawMessage `json:"mcpServers"`
		}
		if err := json.Unmarshal(data, &config); err != nil {
			return nil, refuse("Error: Invalid MCP configuration:\n%v", err)
		}
		for name := range config.Servers {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
