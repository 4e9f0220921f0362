package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session/claude"
)

const (
	idLength = 36  // of a whole UUID
	pageSize = 500 // sessions to a page, when all are wanted
)

// resolve finds the session whose id begins with prefix, archived ones too.
func resolve(ctx context.Context, c *client.Client, prefix string) (string, error) {
	prefix = strings.ToLower(prefix)
	if len(prefix) == idLength {
		return prefix, nil
	}
	if prefix == "" {
		return "", usagef("the id of a session must not be empty")
	}
	var found []api.Session
	err := eachSession(ctx, c, bothKinds, func(s api.Session) bool {
		if strings.HasPrefix(s.ID, prefix) {
			found = append(found, s)
		}
		return len(found) <= 10
	})
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", api.NotFound(api.ReasonSessionNotFound, prefix)
	case len(found) > 1:
		return "", ambiguous(prefix, found)
	}
	return found[0].ID, nil
}

// resolveAll is resolve for several.
func resolveAll(ctx context.Context, c *client.Client, prefixes []string) ([]string, error) {
	ids := make([]string, len(prefixes))
	for i, p := range prefixes {
		id, err := resolve(ctx, c, p)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

func ambiguous(prefix string, found []api.Session) error {
	var b strings.Builder
	for i, s := range found {
		if i == 10 {
			b.WriteString("\n  …")
			break
		}
		fmt.Fprintf(&b, "\n  %s  %s  %s", s.ID, s.Status, cut(name(s), 50))
	}
	return usagef("more than one session begins with %s:%s", prefix, b.String())
}

// bothKinds lists the sessions that are not archived, then the archived ones.
var bothKinds = []api.ListSessionsParams{{}, {Archived: true}}

// eachSession calls f with every session of the lists, page by page, until it
// says false.
func eachSession(ctx context.Context, c *client.Client, lists []api.ListSessionsParams, f func(api.Session) bool) error {
	for _, p := range lists {
		if p.Limit == nil {
			p.Limit = new(pageSize)
		}
		for {
			page, err := c.ListSessions(ctx, p)
			if err != nil {
				return err
			}
			for _, s := range page.Sessions {
				if !f(s) {
					return nil
				}
			}
			if page.NextCursor == "" {
				break
			}
			p.Cursor = page.NextCursor
		}
	}
	return nil
}

// shortest cuts ids to the shortest length at which they differ. That is 13 at
// least: so much of a UUID of version 7 is the time in milliseconds.
func shortest(ids []string) map[string]string {
	short := make(map[string]string, len(ids))
	for length := 13; ; length++ {
		seen := make(map[string]bool, len(ids))
		for _, id := range ids {
			short[id] = id[:min(length, len(id))]
			seen[short[id]] = true
		}
		if len(seen) == len(short) || length >= idLength {
			return short
		}
	}
}

// completeIDs completes ids on the shell's command line, with what is known of
// the sessions. It starts no daemon.
func (a *app) completeIDs(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := a.running(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	var out []cobra.Completion
	_ = eachSession(cmd.Context(), c, bothKinds, func(s api.Session) bool {
		if strings.HasPrefix(s.ID, toComplete) {
			out = append(out, cobra.CompletionWithDesc(cleanLine(s.ID), cut(word(s.Status)+" "+name(s), 60)))
		}
		return true
	})
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag says how the values of a flag, which the command has, are completed.
func (a *app) completeFlag(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the flag is not there
	}
}

// completeModes completes the permission modes of a command that takes one.
func (a *app) completeModes(cmd *cobra.Command) {
	a.completeFlag(cmd, "permission-mode", cobra.FixedCompletions(claude.PermissionModes, cobra.ShellCompDirectiveNoFileComp))
}

// words are the protocol's words as strings.
func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}
