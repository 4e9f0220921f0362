package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// setFlags are what `sessiond set` can change.
type setFlags struct {
	*launchFlags
	noRules bool
}

func newSet(a *app) *cobra.Command {
	var flags *setFlags
	cmd := &cobra.Command{
		Use:   "set SESSION",
		Short: "Change a session's title, tags, model, permission mode or rules",
		Long: `Change a session. Title, tags and rules are changed in any session that they make
sense for; model and permission mode in one that lives, and what is printed is
what Claude Code has confirmed.`,
		Example: `  sessiond set 0198c2aa-41f7 --model opus --title "the big one"
  sessiond set 0198c2aa-41f7 --permission-mode acceptEdits --permission-mode-timeout 30m
  sessiond set 0198c2aa-41f7 --rule 'approve Bash(git log *)' --rule 'deny Bash(rm *): never'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeIDs,
	}
	flags = newSetFlags(cmd.Flags())
	a.completeModes(cmd)
	a.jsonFlag(cmd, "print the session as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := flags.params()
		if err != nil {
			return err
		}
		return a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			if p.SessionID, err = resolve(ctx, c, args[0]); err != nil {
				return err
			}
			r, err := c.UpdateSession(ctx, p)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.object(r.Session)
			}
			a.printSettings(r.Session)
			return nil
		})(cmd, args)
	}
	return cmd
}

func newSetFlags(f *pflag.FlagSet) *setFlags {
	s := &setFlags{launchFlags: &launchFlags{set: f}}
	f.StringVarP(&s.title, "title", "t", "", "`name` for lists")
	f.StringVarP(&s.model, "model", "m", "", "`model` name or alias")
	s.addModeFlags(f)
	f.StringArrayVar(&s.tags, "tag", nil, "`label`, in place of all that it has; may be repeated")
	f.BoolVar(&s.noRules, "no-rules", false, "take all rules away")
	f.SortFlags = false
	return s
}

// params are the changes that were asked for.
func (s *setFlags) params() (p api.UpdateSessionParams, err error) {
	p = api.UpdateSessionParams{
		Title: given(s.launchFlags, "title", s.title), Model: given(s.launchFlags, "model", s.model),
		PermissionMode:          given(s.launchFlags, "permission-mode", s.mode),
		PermissionModeTimeoutMS: given(s.launchFlags, "permission-mode-timeout", s.modeTimeout.Milliseconds()),
		Tags:                    givenList(s.launchFlags, "tag", s.tags),
	}
	if p.Rules, err = s.givenRules(); err != nil {
		return p, err
	}
	switch {
	case s.noRules && p.Rules != nil:
		return p, usagef("--rule and --no-rules exclude each other")
	case s.noRules:
		p.Rules = &[]api.Rule{}
	}
	if p == (api.UpdateSessionParams{}) {
		return p, usagef("nothing to change: give a flag")
	}
	return p, nil
}

// printSettings shows what can be set, as it is now.
func (a *app) printSettings(s api.Session) {
	a.fields([]field{
		{"session", a.out.style(styleBold, cleanLine(s.ID))},
		{"title", cleanLine(s.Title)},
		{"model", cleanLine(s.Model)},
		{"mode", modeText(s)},
		{"until", a.until(s.PermissionModeExpiresAt)},
		{"rules", rulesText(s.Rules)},
		{"tags", cleanLine(strings.Join(s.Tags, ", "))},
	})
}

// until is a time that is yet to come: the time of day for a person, exact in a pipe.
func (a *app) until(t api.Time) string {
	if t.IsZero() || !a.out.terminal {
		return a.moment(t)
	}
	return t.Local().Format(time.TimeOnly)
}
