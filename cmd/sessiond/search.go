package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// searchFlags are what `sessiond search` was given beside the words.
type searchFlags struct {
	since, until, role string
	archived, newest   bool
	limit              int
}

func newSearch(a *app) *cobra.Command {
	var p api.SearchConversationsParams
	var f searchFlags
	cmd := &cobra.Command{
		Use:   "search WORDS...",
		Short: "Find what was said, in all conversations",
		Long: `Find what was said, thought, given to tools and answered by them, in all conversations.

All words have to be there. "a phrase" in quotes, which the shell has to leave there,
means words that follow each other, OR between two means one of them, a word with a
star behind it begins with that, and one with - before it must not be there (then
write -- before the words). Case, accents and punctuation do not count: user_id is
found as user_id, as user, and as "user id". Characters of scripts without spaces
between words, such as Chinese, are found one by one and in a row.

What matches best comes first, and among equals the newest. Where thousands of events
match, the newest thousands are ranked first, then older ones. --since and --until take
a time (2026-01-31T12:00:00Z), a day (2026-01-31), or an age (12h, 30d, 2w).`,
		Example: `  sessiond search flaky test
  sessiond search '"connection refused"' --dir . --since 2w
  sessiond search --tool Bash --role tool 'panic*'
  sessiond search -- migration -rollback`,
		Args: cobra.MinimumNArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&p.WorkingDir, "dir", "", "only sessions in this `directory` or below it")
	flags.StringVar(&p.Tag, "tag", "", "only sessions with this `label`")
	flags.StringVar(&f.since, "since", "", "only what was said since this `time`")
	flags.StringVar(&f.until, "until", "", "only what was said before this `time`")
	flags.StringVar(&f.role, "role", "", "only what this one said: user, assistant, tool (results), system")
	flags.StringVar(&p.ToolName, "tool", "", "only calls of this tool and their results, such as Bash")
	flags.StringVar(&p.SessionID, "session", "", "only this session")
	flags.BoolVar(&f.archived, "archived", false, "only archived sessions (=false: only the others)")
	flags.BoolVar(&f.newest, "newest", false, "the newest first, not the best")
	flags.IntVar(&f.limit, "limit", 10, "at most so many")
	a.jsonFlag(cmd, "print each match as a line of JSON")
	roles := []api.Role{api.RoleUser, api.RoleAssistant, api.RoleTool, api.RoleSystem}
	a.completeFlag(cmd, "role", cobra.FixedCompletions(words(roles), cobra.ShellCompDirectiveNoFileComp))
	a.completeFlag(cmd, "session", a.completeIDs)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p.Query = strings.Join(args, " ")
		if cmd.Flags().Changed("archived") {
			p.Archived = &f.archived
		}
		if err := f.into(&p); err != nil {
			return err
		}
		return a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
			return a.search(ctx, c, p, f.limit)
		})(cmd, args)
	}
	return cmd
}

// into fills in the params.
func (f *searchFlags) into(p *api.SearchConversationsParams) (err error) {
	if f.limit < 1 {
		return usagef("--limit must be 1 or more")
	}
	p.Role = api.Role(f.role)
	if f.newest {
		p.Order = api.OrderNewest
	}
	if p.WorkingDir != "" {
		if err := makeAbsolute(&p.WorkingDir); err != nil {
			return err
		}
	}
	if p.After, err = timeOf("--since", f.since); err != nil {
		return err
	}
	p.Before, err = timeOf("--until", f.until)
	return err
}

// timeOf reads the moment of a flag, if there is one.
func timeOf(flag, text string) (api.Time, error) {
	if text == "" {
		return api.Time{}, nil
	}
	t, err := moment(text)
	if err != nil {
		return t, usagef("%s: %q is no time such as 2026-01-31T12:00:00Z, no day such as 2026-01-31, and no age such as 12h, 30d or 2w", flag, text)
	}
	return t, nil
}

// moment reads a time, a day here, or an age; its error is about the age.
func moment(text string) (api.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return api.At(t), nil
		}
	}
	age, err := daemon.ParseAge(text)
	if err != nil {
		return api.Time{}, err
	}
	return api.At(time.Now().Add(-age)), nil
}

// maxPage is how many matches a page has at most.
const maxPage = 100

// search prints up to limit matches.
func (a *app) search(ctx context.Context, c *client.Client, p api.SearchConversationsParams, limit int) error {
	if p.SessionID != "" {
		id, err := resolve(ctx, c, p.SessionID)
		if err != nil {
			return err
		}
		p.SessionID = id
	}
	shown := 0
	for {
		p.Limit = new(min(limit-shown, maxPage))
		page, err := c.SearchConversations(ctx, p)
		if err != nil {
			return err
		}
		for i := range page.Matches {
			if err := a.match(&page.Matches[i]); err != nil {
				return err
			}
		}
		shown += len(page.Matches)
		if p.Cursor = page.NextCursor; p.Cursor == "" || shown >= limit {
			return a.afterSearch(&page, shown)
		}
	}
}

// match prints one: who said it when in which session, a part of it, and how to read on.
func (a *app) match(m *api.SearchMatch) error {
	if a.json {
		return a.out.line(m)
	}
	who := word(m.Role)
	if m.ToolName != "" {
		who = cleanLine(m.ToolName)
		if m.Role == api.RoleTool {
			who += " answered"
		}
	} else if m.EventType == api.ConversationThinking {
		who += " thought"
	}
	a.out.printf("%s  %s  %s\n", a.out.style(styleCyan, who), a.out.style(styleDim, a.moment(m.CreatedAt)),
		cleanLine(m.Title)+a.out.style(styleDim, "  "+cleanLine(m.WorkingDir)))
	a.out.printf("  %s\n", a.snippet(m))
	a.out.printf("  %s\n\n", a.out.style(styleDim, fmt.Sprintf("sessiond log %s --around %d", cleanLine(m.SessionID), m.Seq)))
	return nil
}

// snippet shows what was looked for: bold, or between marks where there are no styles.
func (a *app) snippet(m *api.SearchMatch) string {
	var b strings.Builder
	text, at := []rune(m.Snippet), 0
	for _, h := range m.Highlights {
		if h.Start < at || h.End < h.Start || h.End > len(text) {
			break // not what the protocol says
		}
		b.WriteString(plain.Clean(string(text[at:h.Start])))
		found := plain.Clean(string(text[h.Start:h.End]))
		if a.out.color {
			b.WriteString(a.out.style(styleBold, found))
		} else {
			b.WriteString("«" + found + "»")
		}
		at = h.End
	}
	b.WriteString(plain.Clean(string(text[at:])))
	return strings.ReplaceAll(b.String(), "\n", " ")
}

// afterSearch tells a person what else there is to know.
func (a *app) afterSearch(last *api.SearchConversationsResult, shown int) error {
	if behind := last.HeadSeq - last.IndexedSeq; behind > 1000 {
		_, _ = fmt.Fprintf(a.errs, "the index of what was said is being built: %d %% of the log can be found so far\n", 100*last.IndexedSeq/last.HeadSeq)
		_ = a.errs.Flush()
	}
	if a.json || !a.out.terminal {
		return nil
	}
	switch {
	case shown == 0:
		a.out.printf("%s\n", a.out.style(styleDim, "nothing found"))
	case last.NextCursor != "" && last.Partial:
		a.out.printf("%s\n", a.out.style(styleDim, "and more, among them older ones that were not looked at yet: --limit N"))
	case last.NextCursor != "":
		a.out.printf("%s\n", a.out.style(styleDim, fmt.Sprintf("and more, %d in all: --limit N", last.Total)))
	}
	return nil
}
