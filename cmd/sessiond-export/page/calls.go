package page

import (
	"encoding/json"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// call is what is remembered of a tool's call: enough to say whose subagent
// speaks, and what a late result is the result of.
type call struct {
	id     string
	parent string // the subagent's call in which it was made
	name   string
	gist   json.RawMessage // a JSON string
	label  string          // clean, on one line
}

const (
	maxCalls = 10000 // are remembered
	maxLabel = 120   // columns of their gist
	maxDepth = 4     // subagents of subagents are shown
)

// calls remembers the newest ones.
type calls struct {
	byID  map[string]*call
	order []*call // a ring, once it is full
	next  int
}

func newCalls() calls { return calls{byID: map[string]*call{}} }

func (c *calls) add(ev *api.ConversationEvent) {
	if ev.ToolID == "" {
		return
	}
	label := plain.Cut(plain.Line(beginning(plain.Gist(ev.ToolInput), 4*maxLabel)), maxLabel)
	gist, _ := json.Marshal(label) // a string always marshals
	added := &call{id: ev.ToolID, parent: ev.ParentToolUseID, name: plain.Cut(ev.ToolName, maxLabel), gist: gist, label: label}
	if len(c.order) < maxCalls {
		c.order = append(c.order, added)
	} else {
		if old := c.order[c.next]; c.byID[old.id] == old {
			delete(c.byID, old.id)
		}
		c.order[c.next] = added
		c.next = (c.next + 1) % maxCalls
	}
	c.byID[added.id] = added
}

func (c *calls) find(id string) *call { return c.byID[id] }

// around lists the calls of the subagents around what was said inside of call id,
// outermost first. One that is not remembered is there without a name.
func (c *calls) around(id string) []*call {
	var path []*call
	for id != "" && len(path) < maxDepth {
		known := c.byID[id]
		if known == nil {
			known = &call{id: id}
		}
		path = append([]*call{known}, path...)
		id = known.parent
	}
	return path
}
