package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// The formats of an export.
const (
	formatJSONL    = "jsonl"
	formatMarkdown = "md"
	formatHTML     = "html"
)

var exportFormats = []string{formatJSONL, formatMarkdown, formatHTML}

// exporting is what `sessiond export` was asked for.
type exporting struct {
	format, output        string
	own, raw, full, force bool
	all                   bool
	filter                api.ListSessionsParams
}

func newExport(a *app) *cobra.Command {
	var e exporting
	var status []string
	cmd := &cobra.Command{
		Use:   "export [SESSION...]",
		Short: "Write a conversation to a file: JSON lines, Markdown, or an HTML page",
		Long: `Write the conversation of a session, with what it continues before it, in one of
these formats:

  jsonl  the events of the protocol's getConversation, one a line, with all that it
         tells. With --raw instead the lines of Claude Code, byte for byte.
  md     Markdown: prompts, answers, thinking, tool calls with their results, diffs
         of edits, subagents, how questions were answered, what it cost.
  html   the same as a page in one file, for any browser: it loads nothing and runs
         nothing, is legible on a phone and in the dark, and can be printed.

Without --format, the end of the name given with -o says it, else it is md. In md and
html, of a result or an input that is long the beginning and the end are shown, with
a note of what is left out; --full shows all.

A file gets its name only once all is in it; one that exists is kept, but with --force.
Only you can read it. Of several sessions each gets a file of its own in the
directory -o, named by its id. What happens in a session while it is exported is left
out. If the daemon is restarted meanwhile, the export goes on when it is back.`,
		Example: `  sessiond export 01a1fc81 > talk.md
  sessiond export 01a1fc81 -o talk.html
  sessiond export 01a1fc81 --own --raw --format jsonl > transcript.jsonl
  sessiond export --all --tag release --format html -o pages/`,
		ValidArgsFunction: a.completeIDs,
	}
	f := cmd.Flags()
	f.StringVar(&e.format, "format", "", "jsonl, md or html")
	f.StringVarP(&e.output, "output", "o", "", "write to this `file`, or directory if it is one or ends in a slash")
	f.BoolVar(&e.force, "force", false, "replace files that exist")
	f.BoolVar(&e.own, "own", false, "without what the session continues")
	f.BoolVar(&e.raw, "raw", false, "with jsonl: the lines as Claude Code printed them")
	f.BoolVar(&e.full, "full", false, "with md and html: long results and inputs whole, and large images")
	f.BoolVar(&e.all, "all", false, "every session, archived ones too; of those that were continued the last, unless --own is given")
	f.StringSliceVar(&status, "status", nil, "with --all: only these, as in 'sessiond list'")
	f.StringVar(&e.filter.WorkingDir, "dir", "", "with --all: only sessions in this directory")
	f.StringVar(&e.filter.Tag, "tag", "", "with --all: only sessions with this tag")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, s := range status {
			e.filter.Status = append(e.filter.Status, api.Status(s))
		}
		if err := e.check(args); err != nil {
			return err
		}
		return a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			return a.export(ctx, c, e, args)
		})(cmd, args)
	}
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(exportFormats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

// check refuses what does not fit together, and fills in the format.
func (e *exporting) check(args []string) error {
	if e.format == "" {
		e.format = formatMarkdown
		switch ext := strings.TrimPrefix(filepath.Ext(e.output), "."); {
		case e.raw || ext == "json":
			e.format = formatJSONL
		case slices.Contains(exportFormats, ext):
			e.format = ext
		case ext == "htm":
			e.format = formatHTML
		}
	}
	filtered := len(e.filter.Status) > 0 || e.filter.WorkingDir != "" || e.filter.Tag != ""
	switch {
	case !slices.Contains(exportFormats, e.format):
		return usagef("--format %q: it is jsonl, md or html", e.format)
	case e.raw && e.format != formatJSONL:
		return usagef("--raw is for --format jsonl, not for %s", e.format)
	case e.full && e.format == formatJSONL:
		return usagef("--full is for --format md and html: in jsonl nothing is ever shortened")
	case e.all && len(args) > 0:
		return usagef("give sessions, or --all, but not both")
	case !e.all && len(args) == 0:
		return usagef("which session? Give its id, or --all")
	case !e.all && filtered:
		return usagef("--status, --dir and --tag choose among all sessions: they go with --all")
	case e.several(args) && e.output == "":
		return usagef("several sessions need a directory: -o DIR")
	}
	if e.filter.WorkingDir != "" {
		return makeAbsolute(&e.filter.WorkingDir)
	}
	return nil
}

// several reports whether the output is a directory whatever it is called.
func (e *exporting) several(args []string) bool { return e.all || len(args) > 1 }

// export writes the conversations that are asked for.
func (a *app) export(ctx context.Context, c *client.Client, e exporting, args []string) error {
	ids, err := a.exported(ctx, c, e, args)
	if err != nil {
		return err
	}
	r := &reader{app: a, client: c, own: e.own, raw: e.raw || e.format != formatJSONL, patience: exportPatience}
	if e.output == "" {
		return a.exportOne(ctx, r, e, ids[0], a.out)
	}
	r.bar = a.newProgress()
	defer r.bar.end()
	dir := e.several(args) || strings.HasSuffix(e.output, "/")
	if info, err := os.Stat(e.output); err == nil {
		dir = dir || info.IsDir()
	}
	if !dir {
		r.bar.step("exporting", "events")
		r.tell = func(events int64) { r.bar.set(events, 0) }
		return a.exportTo(ctx, r, e, ids[0], e.output)
	}
	if err := os.MkdirAll(e.output, 0o700); err != nil {
		return err
	}
	return a.exportAll(ctx, r, e, ids)
}

// exported lists the ids of the sessions to export.
func (a *app) exported(ctx context.Context, c *client.Client, e exporting, args []string) (ids []string, err error) {
	if !e.all {
		ids, err = resolveAll(ctx, c, args)
		return slices.Compact(ids), err
	}
	lists := []api.ListSessionsParams{e.filter, e.filter}
	lists[1].Archived = true
	for i := range lists {
		lists[i].LeavesOnly = !e.own // the others are in those that continue them
	}
	err = eachSession(ctx, c, lists, func(s api.Session) bool {
		ids = append(ids, s.ID)
		return true
	})
	return ids, err
}

// exportAll writes each session to a file of its own. A session that is deleted
// meanwhile is left out.
func (a *app) exportAll(ctx context.Context, r *reader, e exporting, ids []string) error {
	paths := make([]string, len(ids))
	for i, id := range ids {
		if _, err := api.ParseID("id", id); err != nil { // it becomes a name
			return err
		}
		paths[i] = filepath.Join(e.output, id+"."+e.format)
		if err := e.mayWrite(paths[i]); err != nil {
			return err
		}
	}
	written := 0
	r.bar.step("exporting", "conversations")
	r.tell = func(events int64) { r.bar.remark("%s events", humanize.Comma(events)) }
	for i, id := range ids {
		r.bar.set(int64(i), int64(len(ids)))
		err := a.exportTo(ctx, r, e, id, paths[i])
		if errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) && e.all {
			continue
		}
		if err != nil {
			return fmt.Errorf("session %s: %w (%d of %d are written)", id, err, written, len(ids))
		}
		written++
	}
	r.bar.end()
	a.out.printf("%s in %s\n", counted(written, "conversation"), cleanLine(e.output))
	return nil
}

// exportTo writes one session to a file, which gets its name at the end.
func (a *app) exportTo(ctx context.Context, r *reader, e exporting, id, path string) error {
	return e.write(path, func(w io.Writer) error { return a.exportOne(ctx, r, e, id, w) })
}

// exportOne writes the conversation of one session.
func (a *app) exportOne(ctx context.Context, r *reader, e exporting, id string, w io.Writer) error {
	session, err := r.session(ctx, id)
	if err != nil {
		return err
	}
	if e.format == formatJSONL {
		return r.events(ctx, id, func(ev readEvent) error { return e.line(w, a.out.terminal && w == io.Writer(a.out), ev) })
	}
	return a.exportPage(ctx, r, e, session, w)
}

// line writes an event, or a line of Claude Code's.
func (e *exporting) line(w io.Writer, person bool, ev readEvent) error {
	if !e.raw {
		_, err := w.Write(append(cleanJSON(ev.json), '\n'))
		return err
	}
	line, ok := rawLine(ev.ConversationEvent)
	if ok && person {
		line = clean(line)
	}
	_, err := io.WriteString(w, line)
	return err
}
