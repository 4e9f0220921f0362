package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
)

func newStatus(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the daemon is; never starts one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := a.config(cmd)
			if err != nil {
				return err
			}
			c, err := a.connectRunning(cmd.Context(), config)
			if err != nil {
				return err
			}
			defer c.Close()
			h, err := c.Health(cmd.Context())
			if err != nil {
				return err
			}
			a.warnOfVersion(h.Version, h.ProtocolVersion)
			if a.json {
				return a.out.object(h)
			}
			tokens := "" // another version may not count them
			if used, err := c.GetUsage(cmd.Context(), api.GetUsageParams{}); err == nil {
				tokens = usageText(used.Total)
			}
			a.printHealth(config, h, tokens)
			return nil
		},
	}
	a.jsonFlag(cmd, "print the daemon's health as JSON")
	return cmd
}

func (a *app) printHealth(config daemon.Config, h api.Health, tokens string) {
	st := styleGreen
	if h.Status != api.HealthOK {
		st = styleYellow
	}
	a.fields([]field{
		{"status", a.out.style(st, word(h.Status))},
		{"problems", clean(strings.Join(h.Problems, "; "))},
		{"version", cleanLine(h.Version)},
		{"pid", fmt.Sprint(h.PID)},
		{"started", a.moment(h.StartedAt)},
		{"socket", cleanLine(config.Socket)},
		{"state directory", cleanLine(h.StateDir)},
		{"claude", a.claudeText(h.Claude)},
		{"sessions", countsText(h.Sessions)},
		{"inbox", inboxText(h.Inbox)},
		{"jobs", jobsText(h.Jobs)},
		{"spent today", spentText(h.Budget)},
		{"tokens", tokens},
		{"events", eventsText(h.Events)},
		{"search", searchText(&h)},
		{"working on", workText(h.Work)},
	})
}

func (a *app) claudeText(c api.ClaudeHealth) string {
	if !c.Available {
		return a.out.style(styleRed, cleanLine("not available: "+c.Hint))
	}
	return cleanLine(c.Version + " " + c.Path)
}

// spentText is what today's turns and summaries have cost, and the limit.
func spentText(b api.BudgetHealth) string {
	text := costText(b.SpentTodayUSD)
	if b.DailyLimitUSD > 0 {
		return fmt.Sprintf("%s of %s", orDash(text), costText(b.DailyLimitUSD))
	}
	return text
}

func eventsText(e api.EventsHealth) string {
	if e.HeadSeq < e.OldestSeq {
		return "none"
	}
	return fmt.Sprintf("seq %s to %s", humanize.Comma(e.OldestSeq), humanize.Comma(e.HeadSeq))
}

// searchText says what of the log can be found.
func searchText(h *api.Health) string {
	s := h.Search
	var text string
	switch done := fmt.Sprintf("%d %% of the log indexed", 100*s.IndexedSeq/max(1, h.Events.HeadSeq)); {
	case !s.Available:
		text = "not available"
	case s.Behind > 1000:
		text = done
	case s.Behind > 0:
		text = fmt.Sprintf("all but the newest %d events indexed", s.Behind)
	default:
		text = "all of the log indexed"
	}
	if s.Problem != "" {
		text += ": " + cleanLine(s.Problem)
	}
	return text
}

func inboxText(i api.InboxHealth) string {
	if i.Depth == 0 {
		return "empty"
	}
	return fmt.Sprintf("%d waiting, the oldest for %s", i.Depth,
		(time.Duration(i.OldestAgeMS) * time.Millisecond).Round(time.Second))
}

// countsText lists how many sessions are in which status, in the order of a
// session's life.
func countsText(counts map[api.Status]int) string {
	var parts []string
	for _, s := range api.Statuses {
		if n := counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
