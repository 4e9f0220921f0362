package main

import (
	"strconv"

	"github.com/sessiond/sessiond/rpc/api"
)

// notice is an event with what one wants to know of it. Its texts are of one line.
type notice struct {
	word     string // of --on
	event    api.Event
	session  api.Session  // as it is now
	approval api.Approval // with new_approval and approval_resolved
	text     string
}

func newNotice(word string, ev api.Event, s api.Session) notice {
	n := notice{word: word, event: ev, session: s}
	switch ev.Type {
	case api.EventSessionCreated, api.EventSessionUpdated:
		if then, err := decode[api.Session](ev); err == nil {
			n.session = then // what this event is about
		}
	case api.EventNewApproval, api.EventApprovalResolved:
		n.approval, _ = decode[api.Approval](ev) // what cannot be read is empty
	}
	n.text = cleanLine(n.say())
	return n
}

// say says what happened.
func (n *notice) say() string {
	change := api.StatusChange{}
	switch n.event.Type {
	case api.EventNewApproval:
		return "asks: " + n.approval.ToolName + " " + gistOfApproval(n.approval)
	case api.EventSessionStatusChanged:
		change, _ = decode[api.StatusChange](n.event)
	}
	switch {
	case change.WaitingFor == api.WaitingForMessage:
		return "waits for a message"
	case change.NewStatus == api.StatusCompleted && n.session.Result != "":
		return "completed: " + n.session.Result
	case change.NewStatus == api.StatusFailed:
		return "failed: " + change.ErrorMessage
	}
	gist, err := gistOf(n.event)
	if err != nil {
		return string(n.event.Type)
	}
	return gist
}

// title is what the session is called.
func (n *notice) title() string {
	if title := name(n.session); title != "" {
		return cut(title, 80)
	}
	return "session " + cleanLine(n.event.SessionID)
}

// remedy is the command by which a person goes on; "": nothing waits.
func (n *notice) remedy() string {
	switch {
	case n.event.Type == api.EventNewApproval && len(questionsOf(n.approval)) > 0:
		return "sessiond answer " + cleanLine(n.approval.ID)
	case n.event.Type == api.EventNewApproval:
		return "sessiond approve " + cleanLine(n.approval.ID)
	case n.word == string(api.WaitingForMessage):
		return "sessiond attach " + cleanLine(n.event.SessionID)
	}
	return "sessiond log " + cleanLine(n.event.SessionID)
}

// The environment of a command is small, and a text of it smaller.
const variableLength = 2000

// variables are the notice for the environment of a command. All of it is data: it
// stands for itself where a shell expands it in quotes.
func (n *notice) variables() []string {
	const prefix = "SESSIOND_EVENT"
	list := []string{prefix + "=" + n.word}
	for _, v := range []field{
		{"TYPE", string(n.event.Type)},
		{"SEQ", strconv.FormatInt(n.event.Seq, 10)},
		{"TIME", n.event.Timestamp.String()},
		{"SESSION", n.event.SessionID},
		{"TITLE", n.title()},
		{"DIR", n.session.WorkingDir},
		{"STATUS", string(n.session.Status)},
		{"COST_USD", strconv.FormatFloat(n.session.CostUSD, 'f', -1, 64)},
		{"TEXT", n.text},
		{"APPROVAL", n.approval.ID},
		{"TOOL", n.approval.ToolName},
	} {
		list = append(list, prefix+"_"+v.name+"="+cut(clean(v.value), variableLength))
	}
	return list
}
