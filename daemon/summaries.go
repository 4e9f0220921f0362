package daemon

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/session"
	"github.com/sessiond/sessiond/session/redact"
)

// summarySettings say what is summarised by itself, and how, and bound the queue of jobs.
var summarySettings = []Setting{
	{
		Key: "summarize", Usage: "summarise sessions when they end, and when they are idle: off, all, or a number: those with more new events than that (default off)",
		apply: applySummarize,
	},
	{
		Key: "summarize_idle", Usage: "how long a session has to wait for a message to be summarised, from 1s up (default 10m)",
		apply: duration(time.Second, func(c *Config) *time.Duration { return &c.Summaries.Idle }),
	},
	{
		Key: "summarize_model", Usage: "model that summarises (default haiku)",
		apply: func(c *Config, v string) error {
			if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' }) {
				return fmt.Errorf("%q is not the name of a model", v)
			}
			c.Summaries.Model = v
			return nil
		},
	},
	{
		Key: "summarize_budget_usd", Usage: "US dollars that one attempt at a summary may cost, more than 0 (default 0.25)",
		apply: func(c *Config, v string) error {
			usd, err := strconv.ParseFloat(v, 64)
			if err != nil || !(usd > 0) || math.IsInf(usd, 0) {
				return fmt.Errorf("%q is not an amount above 0", v)
			}
			c.Summaries.BudgetUSD = usd
			return nil
		},
	},
	{
		Key: "summarize_timeout", Usage: "how long one attempt at a summary may take, from 1s up (default 3m)",
		apply: duration(time.Second, func(c *Config) *time.Duration { return &c.Summaries.Timeout }),
	},
	{
		Key: "max_summarizers", Usage: "summaries that are made at once, from 1 to 16 (default 1)",
		apply: number(16, func(c *Config) *int { return &c.Summaries.Parallel }),
	},
	{
		Key: "job_attempts", Usage: "attempts at a job that may fail before it is dead, from 1 to 100 (default 5)",
		apply: number(100, func(c *Config) *int { return &c.Jobs.Attempts }),
	},
	{
		Key: "job_backoff", Usage: "pause behind the first attempt that fails; each is four times as long as the one before, and at most an hour (default 30s)",
		apply: duration(time.Millisecond, func(c *Config) *time.Duration { return &c.Jobs.Backoff }),
	},
	{
		Key: "redact_patterns", Usage: "regular expressions, one a line, of what is removed before text is summarised, or kept of sessions in terminals, like what stands between <private> and </private>", private: true,
		apply: func(c *Config, v string) error {
			_, err := redact.Parse(v)
			c.RedactPatterns = v
			return err
		},
	},
}

func applySummarize(c *Config, v string) error {
	switch v {
	case "off":
		c.Summaries.Auto = false
		return nil
	case "all":
		c.Summaries.Auto, c.Summaries.MinEvents = true, 0
		return nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return fmt.Errorf("%q is not off, all, or a number of events from 0 up", v)
	}
	c.Summaries.Auto, c.Summaries.MinEvents = true, n
	return nil
}

// duration makes a setting that is a length of time of at least so much.
func duration(least time.Duration, field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < least || d > maxAge {
			return fmt.Errorf("%q is not a duration from %v up, such as 45m", v, least)
		}
		*field(c) = d
		return nil
	}
}

// number makes a setting that is a number from 1 up.
func number(most int, field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > most {
			return fmt.Errorf("%q is not a number from 1 to %d", v, most)
		}
		*field(c) = n
		return nil
	}
}

// shown is a setting's value as others are told it: of one that is private only
// whether it is another.
func (s Setting) shown(value string) string {
	if !s.private {
		return value
	}
	return fmt.Sprintf("(%d lines, sha256 %.12x)", strings.Count(strings.TrimSpace(value), "\n")+1, sha256.Sum256([]byte(value)))
}

// summaries is what the manager is told of them.
func (c Config) summaries() (session.Summaries, error) {
	s := c.Summaries
	var err error
	s.Redactor, err = redact.Parse(c.RedactPatterns)
	return s, err
}
