package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// Events are those that sessiond's hook is called for.
var Events = []string{"SessionStart", "UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "SubagentStop",
	"Stop", "StopFailure", "Notification", "SessionEnd"}

// timeout is when Claude Code gives the hook up, in seconds. It takes milliseconds.
const timeout = 5

// ours is what commands of sessiond's hooks look like, of whichever installation.
var ours = regexp.MustCompile(`(^|[\s;/'"])sessiond[^\s/]*\s+hook([\s;]|$)|\shook '?--state-dir=`)

// State is how a text stands to sessiond's hooks.
type State struct {
	// Commands are those that are run for each of Events; "" for one that has none.
	Commands map[string]string
	Disabled bool // disableAllHooks: Claude Code runs none
}

// Installed reports whether the command, and no other of ours, is run for every event.
func (s State) Installed(command string) bool {
	for _, event := range Events {
		if s.Commands[event] != command {
			return false
		}
	}
	return true
}

// Some reports whether there are hooks of ours at all.
func (s State) Some() bool {
	for _, command := range s.Commands {
		if command != "" {
			return true
		}
	}
	return false
}

// Look says how a text stands to the hooks.
func Look(text []byte) (State, error) {
	s := State{Commands: map[string]string{}}
	bare, _ := object(text)
	root, err := parse(bare)
	if err != nil {
		return s, err
	}
	if _, off := root.find("disableAllHooks"); off != nil {
		s.Disabled = off.kind == 't'
	}
	for _, event := range Events {
		at, err := find(root, event)
		if err != nil {
			return s, err
		}
		if at.own != nil {
			s.Commands[event] = at.own.text
		}
	}
	return s, nil
}

// place is where hooks of an event stand, as far as they do.
type place struct {
	hooks *node // the object of all hooks
	event int   // the event in it
	list  *node // its groups
	group int
	inner *node // the group's hooks
	hook  int   // our hook in it
	own   *node // its command; nil: there is none
}

// find looks for our hook of an event. The first one counts.
func find(root *node, event string) (p place, err error) {
	_, p.hooks = root.find("hooks")
	if p.hooks == nil {
		return p, nil
	}
	if p.hooks.kind != '{' {
		return p, errors.New(`"hooks" is not an object, as Claude Code has it: mend that first`)
	}
	p.event, p.list = p.hooks.find(event)
	if p.list == nil {
		return p, nil
	}
	if p.list.kind != '[' {
		return p, fmt.Errorf("%q in \"hooks\" is not a list, as Claude Code has it: mend that first", event)
	}
	for i := range p.list.members {
		_, inner := p.list.members[i].value.find("hooks")
		if inner == nil || inner.kind != '[' {
			continue
		}
		for k := range inner.members {
			hook := &inner.members[k].value
			_, command := hook.find("command")
			if command != nil && command.kind == '"' && hook.is("type", "command") && ours.MatchString(command.text) {
				p.group, p.inner, p.hook, p.own = i, inner, k, command
				return p, nil
			}
		}
	}
	return p, nil
}

// Install returns text with the command run for every event. Hooks of another
// installation of sessiond's are replaced. What is as asked already stays.
func Install(text []byte, command string) ([]byte, error) {
	before := text
	text, prefix := object(text)
	for _, event := range Events {
		root, err := parse(text)
		if err != nil {
			return nil, err
		}
		at, err := find(root, event)
		if err != nil {
			return nil, err
		}
		s := styleOf(text, root)
		switch {
		case at.own != nil && at.own.text == command:
		case at.own != nil:
			text = splice(text, at.own.start, at.own.end, quote(command))
		case at.list != nil:
			text = add(text, at.list, s.group(command, 3), 2, s)
		case at.hooks != nil:
			text = add(text, at.hooks, s.event(event, command), 1, s)
		default:
			text = add(text, root, `"hooks": {`+s.indent(2)+s.event(event, command)+s.indent(1)+"}", 0, s)
		}
	}
	return checked(before, prefix, text)
}

// Uninstall returns text without any hook of ours, and without what only held it.
func Uninstall(text []byte) ([]byte, error) {
	before := text
	text, prefix := object(text)
	for _, event := range Events {
		for {
			root, err := parse(text)
			if err != nil {
				return nil, err
			}
			at, err := find(root, event)
			if err != nil {
				return nil, err
			}
			if at.own == nil {
				break
			}
			text = without(text, root, at)
		}
	}
	if bytes.Equal(append(bytes.Clone(prefix), text...), before) || len(bytes.TrimSpace(before)) == 0 {
		return before, nil
	}
	return checked(before, prefix, text)
}

// without removes a hook, and whatever has nothing left in it then.
func without(text []byte, root *node, at place) []byte {
	switch {
	case len(at.inner.members) > 1:
		return remove(text, at.inner, at.hook)
	case len(at.list.members) > 1:
		return remove(text, at.list, at.group)
	case len(at.hooks.members) > 1:
		return remove(text, at.hooks, at.event)
	}
	i, _ := root.find("hooks")
	return remove(text, root, i)
}

// event is a member of "hooks", at its depth.
func (s style) event(event, command string) string {
	return quote(event) + ": [" + s.indent(3) + s.group(command, 3) + s.indent(2) + "]"
}

// group is a group of one hook, at a depth.
func (s style) group(command string, depth int) string {
	in := s.indent(depth + 3)
	return "{" + s.indent(depth+1) + `"hooks": [` + s.indent(depth+2) + "{" +
		in + `"type": "command",` + in + `"command": ` + quote(command) + "," + in + fmt.Sprintf(`"timeout": %d`, timeout) +
		s.indent(depth+2) + "}" + s.indent(depth+1) + "]" + s.indent(depth) + "}"
}

func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// object is a text as an object; an empty one is an empty object. A mark of the byte
// order stands apart.
func object(text []byte) (object, prefix []byte) {
	bom := []byte("\ufeff")
	if bytes.HasPrefix(text, bom) {
		text, prefix = text[len(bom):], bom
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return []byte("{}\n"), prefix
	}
	return text, prefix
}

// checked makes sure that nothing has changed but our hooks.
func checked(before, prefix, after []byte) ([]byte, error) {
	was, _ := object(before)
	a, err := foreign(was)
	if err != nil {
		return nil, err
	}
	b, err := foreign(after)
	if err != nil {
		return nil, fmt.Errorf("a bug in sessiond: it would have spoilt the file: %w", err)
	}
	if !reflect.DeepEqual(a, b) {
		return nil, errors.New("a bug in sessiond: it would have changed more than its hooks")
	}
	return append(bytes.Clone(prefix), after...), nil
}

// foreign decodes a text, and leaves out what is ours and what holds nothing else.
func foreign(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var root map[string]any
	if err := d.Decode(&root); err != nil {
		return nil, err
	}
	hooks, ok := root["hooks"].(map[string]any)
	if !ok {
		return root, nil
	}
	for _, event := range Events {
		groups, ok := hooks[event].([]any)
		if !ok {
			continue
		}
		kept := []any{}
		for _, g := range groups {
			if !onlyOurs(g) {
				kept = append(kept, g)
			}
		}
		if hooks[event] = kept; len(kept) == 0 {
			delete(hooks, event)
		}
	}
	if len(hooks) == 0 {
		delete(root, "hooks")
	}
	return root, nil
}

// onlyOurs takes our hooks out of a group, and reports whether that leaves none.
func onlyOurs(group any) bool {
	g, ok := group.(map[string]any)
	if !ok {
		return false
	}
	list, ok := g["hooks"].([]any)
	if !ok {
		return false
	}
	kept := []any{}
	for _, h := range list {
		hook, _ := h.(map[string]any)
		command, _ := hook["command"].(string)
		if hook["type"] != "command" || !ours.MatchString(command) {
			kept = append(kept, h)
		}
	}
	g["hooks"] = kept
	return len(kept) == 0 && len(list) > 0
}
