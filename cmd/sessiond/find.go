package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// found is something that an id may mean: the id, and a line about it.
type found struct{ id, gist string }

// only picks the one whose id begins with prefix: it is an error if there is
// none, or more than one.
func only(what api.Reason, noun, prefix string, all []found) (string, error) {
	var fit []found
	for _, f := range all {
		if strings.HasPrefix(f.id, prefix) {
			fit = append(fit, f)
		}
	}
	switch len(fit) {
	case 0:
		return "", api.NotFound(what, prefix)
	case 1:
		return fit[0].id, nil
	}
	var b strings.Builder
	for i, f := range fit {
		if i == 10 {
			b.WriteString("\n  …")
			break
		}
		fmt.Fprintf(&b, "\n  %s  %s", cleanLine(f.id), cut(cleanLine(f.gist), 60))
	}
	return "", usagef("more than one %s begins with %s:%s", noun, prefix, b.String())
}

// everyApproval asks for the answered and the void ones too.
var everyApproval = []api.ApprovalStatus{api.ApprovalPending, api.ApprovalApproved, api.ApprovalDenied, api.ApprovalCancelled}

// findApproval reads the approval whose id begins with prefix. One that is open
// goes before those that are not.
func findApproval(ctx context.Context, c *client.Client, prefix string) (api.Approval, error) {
	prefix = strings.ToLower(prefix)
	if prefix == "" {
		return api.Approval{}, usagef("the id of an approval must not be empty")
	}
	id, err := prefix, error(nil)
	if len(prefix) != idLength {
		id, err = resolveApproval(ctx, c, prefix, nil)
		if exitCode(err) == exitNotFound {
			id, err = resolveApproval(ctx, c, prefix, everyApproval)
		}
	}
	if err != nil {
		return api.Approval{}, err
	}
	r, err := c.GetApproval(ctx, api.ApprovalParams{ApprovalID: id})
	return r.Approval, err
}

func resolveApproval(ctx context.Context, c *client.Client, prefix string, status []api.ApprovalStatus) (string, error) {
	r, err := c.FetchApprovals(ctx, api.FetchApprovalsParams{Status: status})
	if err != nil {
		return "", err
	}
	all := make([]found, len(r.Approvals))
	for i, q := range r.Approvals {
		all[i] = found{q.ID, fmt.Sprintf("%s  %s %s", q.Status, q.ToolName, inputText(q.ToolInput))}
	}
	return only(api.ReasonApprovalNotFound, "approval", prefix, all)
}

// resolveMessage finds the message whose id begins with prefix, among those of
// live sessions that wait.
func resolveMessage(ctx context.Context, c *client.Client, prefix string) (string, error) {
	prefix = strings.ToLower(prefix)
	switch len(prefix) {
	case idLength:
		return prefix, nil
	case 0:
		return "", usagef("the id of a message must not be empty")
	}
	var live []api.ListSessionsParams
	for _, p := range bothKinds {
		for _, s := range api.Statuses {
			if !s.Final() {
				p.Status = append(p.Status, s)
			}
		}
		live = append(live, p)
	}
	var (
		all     []found
		failure error
	)
	err := eachSession(ctx, c, live, func(s api.Session) bool {
		var messages []api.Message
		messages, failure = c.AllMessages(ctx, api.ListMessagesParams{SessionID: s.ID, State: waitingMessage})
		for _, m := range messages {
			all = append(all, found{m.ID, string(m.State) + "  " + m.Content.Text()})
		}
		return failure == nil
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return "", err
	}
	return only(api.ReasonMessageNotFound, "message that waits", prefix, all)
}

// waitingMessage are the states in which a message can be withdrawn.
var waitingMessage = []api.MessageState{api.MessageQueued, api.MessageSent}
