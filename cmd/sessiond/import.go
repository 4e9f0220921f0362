package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session/claude"
)

func newImport(a *app) *cobra.Command {
	var since string
	var p api.ImportTranscriptsParams
	cmd := &cobra.Command{
		Use:   "import [DIR|FILE]...",
		Short: "Take in conversations that Claude Code itself has kept, as sessions",
		Long: `Take in the conversations that Claude Code has kept of its own sessions, those that
were started in a terminal say, so that they are listed, read, searched and continued
like all others, and stay when Claude Code cleans its own files away, after 30 days.

Without arguments these are all transcripts in $CLAUDE_CONFIG_DIR/projects, else in
~/.claude/projects. Called again, it takes in what has been added since, and nothing
twice. What the daemon launched itself it has already. A session that was deleted
does not come back, but with --again.`,
		Example: `  sessiond import
  sessiond import --since 7d --dry-run
  sessiond import ~/backup/projects/-home-ada-work`,
	}
	cmd.Flags().StringVar(&since, "since", "", "only files that have changed in this `time`: an age such as 7d, or a date such as 2006-01-02")
	cmd.Flags().BoolVar(&p.Again, "again", false, "also conversations whose session was deleted")
	cmd.Flags().BoolVar(&p.DryRun, "dry-run", false, "change nothing, only print what would be imported")
	a.jsonFlag(cmd, "print a line of JSON for each file")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if p.Since, err = parseSince(since); err != nil {
			return err
		}
		if p.Paths, err = a.transcriptPaths(args); err != nil {
			return err
		}
		return a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
			return a.importTranscripts(ctx, c, p)
		})(cmd, args)
	}
	return cmd
}

// parseSince reads the moment of --since, if there is one.
func parseSince(text string) (api.Time, error) {
	if text == "" {
		return api.Time{}, nil
	}
	t, err := moment(text)
	if err != nil {
		return t, usagef("--since: %w, and no date such as 2006-01-02", err)
	}
	return t, nil
}

// transcriptPaths are those that were given, else where Claude Code keeps them.
func (a *app) transcriptPaths(args []string) ([]string, error) {
	paths := slices.Clone(args)
	if len(paths) == 0 {
		projects := claude.ProjectsDir(a.getenv)
		if projects == "" {
			return nil, usagef("name a directory: where Claude Code keeps its transcripts is not known: $HOME is not defined")
		}
		paths = []string{projects}
	}
	for i := range paths {
		if err := makeAbsolute(&paths[i]); err != nil {
			return nil, err
		}
		if _, err := os.Stat(paths[i]); err != nil { // #nosec G703 -- the user names it
			return nil, fmt.Errorf("nothing to import: %w", err)
		}
	}
	return paths, nil
}

// imports is what an import has come to.
type imports struct {
	outcomes map[api.ImportOutcome]int
	skipped  map[api.ImportReason]int
	lines    int64
}

// importTranscripts asks for page after page, and says what became of the files.
func (a *app) importTranscripts(ctx context.Context, c *client.Client, p api.ImportTranscriptsParams) error {
	bar := a.newProgress()
	defer bar.end()
	bar.step(importVerbs[p.DryRun].doing, unitBytes)
	sum := imports{map[api.ImportOutcome]int{}, map[api.ImportReason]int{}, 0}
	for {
		page, err := c.ImportTranscripts(ctx, p)
		bar.hide()
		if err != nil {
			return err
		}
		if err := a.printImported(page.Transcripts); err != nil {
			return err
		}
		sum.add(page.Transcripts)
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			break
		}
		bar.set(page.BytesDone, page.Bytes)
		bar.remark("%s of %s: %s", humanize.Comma(int64(page.FilesDone)), counted(page.Files, "file"), sum.text())
	}
	bar.end()
	if !a.json {
		a.sayImported(sum, p.DryRun)
	}
	if sum.failed() > 0 {
		return &silentError{exitError}
	}
	return nil
}

func (s *imports) add(files []api.ImportedTranscript) {
	for _, f := range files {
		s.outcomes[f.Outcome]++
		s.lines += f.Lines
		if f.Outcome == api.ImportSkipped {
			s.skipped[f.Reason]++
		}
	}
}

// failed counts the files that were meant to be imported and could not be.
func (s *imports) failed() int {
	return s.skipped[api.SkippedUnreadable] + s.skipped[api.SkippedRecordDamaged] + s.skipped[api.SkippedChanged]
}

func (s *imports) text() string {
	return fmt.Sprintf("%d new, %d grown, %d unchanged, %d skipped", s.outcomes[api.ImportNew], s.outcomes[api.ImportGrown],
		s.outcomes[api.ImportUnchanged], s.outcomes[api.ImportSkipped])
}

// printImported prints what became of each file: those that are new or have grown,
// and what went wrong.
func (a *app) printImported(files []api.ImportedTranscript) error {
	for _, f := range files {
		switch {
		case a.json:
			if err := a.out.line(f); err != nil {
				return err
			}
		case f.Outcome == api.ImportNew || f.Outcome == api.ImportGrown:
			id := f.SessionID
			if id == "" {
				id = f.ClaudeSessionID
			}
			a.out.printf("%s  %s  %s\n", cleanLine(id), pad(string(f.Outcome), 5), cut(cleanLine(f.Title), 60))
		}
		switch f.Reason {
		case api.SkippedUnreadable, api.SkippedRecordDamaged, api.SkippedChanged, api.SkippedNotOwned, api.SkippedNotRegular:
			a.errs.printf("%s  %s\n", cleanLine(f.Path), a.errs.style(styleRed, "skipped: "+cleanLine(f.Message)))
		}
	}
	_ = a.errs.Flush()
	return a.out.Flush()
}

// importVerbs say what is done, by whether it is only tried.
var importVerbs = map[bool]struct{ doing, done string }{false: {"importing", "imported"}, true: {"reading", "would import"}}

// sayImported sums it up.
func (a *app) sayImported(sum imports, dryRun bool) {
	a.out.printf("%s %s", importVerbs[dryRun].done, sum.text())
	if sum.lines > 0 {
		a.out.printf("; %s", counted(int(sum.lines), "line"))
	}
	a.out.printf("\n")
	var why []string
	for _, reason := range api.ImportReasons {
		if n := sum.skipped[reason]; n > 0 {
			why = append(why, fmt.Sprintf("%d %s", n, skipWords[reason]))
		}
	}
	if len(why) > 0 {
		a.out.printf("skipped: %s\n", strings.Join(why, ", "))
	}
}

// skipWords say in a count why files were skipped.
var skipWords = map[api.ImportReason]string{
	api.SkippedLaunched: "launched by this daemon", api.SkippedContinued: "continued by this daemon", api.SkippedDeleted: "deleted (--again brings them back)",
	api.SkippedOlder: "older", api.SkippedEmpty: "empty", api.SkippedNoTranscript: "no transcripts", api.SkippedNotRegular: "no regular files",
	api.SkippedNotOwned: "of other users", api.SkippedChanged: "written anew", api.SkippedUnreadable: "unreadable", api.SkippedRecordDamaged: "damaged in the database",
}
