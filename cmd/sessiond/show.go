package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newShow(a *app) *cobra.Command {
	var field string
	cmd := &cobra.Command{
		Use:   "show SESSION",
		Short: "Show one session",
		Example: `  sessiond show 01a1fc81
  sessiond show --field result 01a1fc81`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			if field != "" {
				if err := checkFields("field", []string{field}); err != nil {
					return err
				}
			}
			id, err := resolve(ctx, c, args[0])
			if err != nil {
				return err
			}
			r, err := c.GetSessionState(ctx, api.SessionParams{SessionID: id})
			if err != nil {
				return err
			}
			switch {
			case field != "":
				values, err := pick(r.Session, []string{field})
				if err == nil {
					a.out.printf("%s\n", clean(values[0]))
				}
				return err
			case a.json:
				return a.out.object(r.Session)
			}
			summary, err := c.GetSummary(ctx, api.GetSummaryParams{SessionID: id})
			if err != nil {
				return err
			}
			a.printSession(r.Session, summary.Summary)
			return nil
		}),
	}
	cmd.Flags().StringVar(&field, "field", "", "print only the value of this `field`, such as result")
	a.completeFlag(cmd, "field", cobra.FixedCompletions(sessionFields, cobra.ShellCompDirectiveNoFileComp))
	a.jsonFlag(cmd, "print the session as JSON")
	return cmd
}

func (a *app) printSession(s api.Session, summary *api.Summary) {
	a.fields(slices.Concat(a.sessionFields(s), summaryFields(summary)))
}

func (a *app) sessionFields(s api.Session) []field {
	return []field{
		{"session", a.out.style(styleBold, cleanLine(s.ID))},
		{"title", cleanLine(s.Title)},
		{"status", a.out.style(statusStyle(s.Status), statusText(s))},
		{"paused", a.out.style(styleYellow, cleanLine(s.Paused))},
		{"error", a.out.style(styleRed, clean(s.ErrorMessage))},
		{"prompt", gist(s.Query)},
		{"result", gist(s.Result)},
		{"directory", cleanLine(s.WorkingDir)},
		{"model", cleanLine(s.Model)},
		{"mode", modeText(s)},
		{"mode until", a.until(s.PermissionModeExpiresAt)},
		{"rules", rulesText(s.Rules)},
		{"tags", cleanLine(strings.Join(s.Tags, ", "))},
		{"archived", yes(s.Archived)},
		{"origin", originText(s)},
		{"continues", cleanLine(s.ParentSessionID)},
		{"conversation", cleanLine(s.ClaudeSessionID)},
		{"run", cleanLine(s.RunID)},
		{"created", a.moment(s.CreatedAt)},
		{"started", a.moment(s.StartedAt)},
		{"last activity", a.moment(s.LastActivityAt)},
		{"ended", a.moment(s.CompletedAt)},
		{"turns", fmt.Sprint(s.NumTurns)},
		{"time", durationText(s.DurationMS)},
		{"cost", costText(s.CostUSD)},
		{"budget", costText(s.MaxBudgetUSD)},
		{"tokens", tokensText(s)},
		{"rate limit", rateLimitText(s.RateLimit)},
		{"API", retryText(s.APIRetry)},
		{"questions open", count(s.PendingApprovals)},
		{"messages queued", count(s.QueuedMessages)},
		{"pid", count(s.PID)},
		{"exit", exitText(s)},
		{"standard error", clean(s.StderrTail)},
	}
}

// How much of a prompt or a result is shown.
const (
	gistLines = 12
	gistChars = 2000
)

// gist is a long text's beginning, clean, and what is left out of it.
func gist(text string) string {
	runes := []rune(clean(text))
	lines := strings.SplitAfter(string(runes[:min(len(runes), gistChars)]), "\n")
	shown := strings.Join(lines[:min(len(lines), gistLines)], "")
	left := len(runes) - len([]rune(shown))
	if left == 0 {
		return shown
	}
	return fmt.Sprintf("%s\n… (%s more; 'sessiond log' and --json have all)", strings.TrimRight(shown, "\n"), counted(left, "character"))
}

func modeText(s api.Session) string {
	parts := []string{}
	if s.PermissionMode != "" {
		parts = append(parts, cleanLine(s.PermissionMode))
	}
	if s.Interactive {
		parts = append(parts, "interactive")
	}
	if s.Unattended {
		parts = append(parts, "unattended")
	}
	return strings.Join(parts, ", ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// count is n, or nothing at all.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func tokensText(s api.Session) string {
	if s.InputTokens+s.OutputTokens+s.CacheReadInputTokens+s.CacheCreationInputTokens == 0 {
		return ""
	}
	return fmt.Sprintf("%s in, %s out, %s read from cache, %s written to it", humanize.Comma(s.InputTokens),
		humanize.Comma(s.OutputTokens), humanize.Comma(s.CacheReadInputTokens), humanize.Comma(s.CacheCreationInputTokens))
}

func exitText(s api.Session) string {
	switch {
	case s.ExitSignal != "":
		return "ended by " + cleanLine(s.ExitSignal)
	case s.ExitCode != nil:
		return fmt.Sprintf("code %d", *s.ExitCode)
	}
	return ""
}

// originText is where a session comes from, if not from this daemon.
func originText(s api.Session) string {
	if s.Origin == api.OriginLaunched {
		return ""
	}
	return cleanLine(string(s.Origin))
}
