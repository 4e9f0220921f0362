// Command bench measures what sessiond promises to be: fast. It runs the real
// daemon as a process of its own, with the scripted claude printing into it,
// and prints one table: what was measured, the goal, and beside each figure a
// yardstick that was measured in the same run, because the figures of a busy or
// a slow machine mean nothing by themselves and their ratios do.
//
//	bench --document FILE.md FIGURES.json
//	bench [--quick] [--only REGEXP] [--json FILE] [--pictures DIR] [--check BASELINE] [--profile DIR] SESSIOND
//
// With --check it fails where a ratio is worse than the baseline's by more than
// that measurement's noise. With --profile the daemon that takes in one session
// flat out writes profiles of it, see its setting profile_dir. With --document it only writes down what another run has found.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/internal/scripted"
)

func main() {
	scripted.RunIfClaude()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	ctx     context.Context
	program string // the sessiond that is measured
	quick   bool   // a tenth of the work, and none of what takes long
	profile string // directory for the daemon's profiles of ingest; "": none are wanted
	dir     string
	idle    *world // has nothing to do from the begin of a run on, for footprint
	report  report
}

// measurements lists what is measured, in the order of the table.
var measurements = []struct {
	name  string
	quick bool // short enough for a quick run
	run   func(*bench) error
}{
	{"ingest", true, (*bench).ingest},
	{"crowd", true, (*bench).crowd},
	{"tools", true, (*bench).tools},
	{"latency", true, (*bench).latency},
	{"subscribers", true, (*bench).subscribers},
	{"stalled", true, (*bench).stalled},
	{"launch", true, (*bench).launch},
	{"reading", true, (*bench).reading},
	{"search", true, (*bench).searching},
	{"footprint", true, (*bench).footprint},
	{"growth", false, (*bench).growth},
	{"live", false, (*bench).liveSessions},
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "a tenth of the work")
	only := flags.String("only", "", "measure what matches this regular expression")
	file := flags.String("json", "", "write the figures to this file too")
	document := flags.String("document", "", "measure nothing, and put figures of a run before into this file")
	pictures := flags.String("pictures", "", "draw how figures grow, into this directory")
	baseline := flags.String("check", "", "fail where a ratio is worse than in this file")
	profile := flags.String("profile", "", "have the daemon write profiles of ingest into this directory")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("name the sessiond program to measure, or the figures to document")
	}
	if *document != "" {
		r, err := load(flags.Arg(0))
		if err != nil {
			return err
		}
		return r.document(*document)
	}
	pick, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	b := &bench{ctx: ctx, quick: *quick}
	if *profile != "" {
		if b.profile, err = filepath.Abs(*profile); err != nil {
			return err
		}
	}
	if b.program, err = filepath.Abs(flags.Arg(0)); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "sessiond-bench"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.measure(pick); err != nil {
		return err
	}
	if err := b.report.print(os.Stdout); err != nil {
		return err
	}
	if *file != "" {
		if err := b.report.write(*file); err != nil {
			return err
		}
	}
	if *pictures != "" {
		if err := b.report.draw(*pictures); err != nil {
			return err
		}
	}
	if *baseline != "" {
		return b.report.check(*baseline)
	}
	return nil
}

// measure makes the measurements that are picked, one after the other.
func (b *bench) measure(pick *regexp.Regexp) (err error) {
	b.report.begin()
	if pick.MatchString("footprint") && !b.quick {
		if b.idle, err = b.newIdle(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.idle.close()) }()
	}
	for _, m := range measurements {
		if !pick.MatchString(m.name) || b.quick && !m.quick {
			continue
		}
		start := time.Now()
		if err := m.run(b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %.0f s\n", m.name, time.Since(start).Seconds())
	}
	return nil
}

// scaled is n, or a tenth of it in a quick run.
func (b *bench) scaled(n int) int {
	if b.quick {
		return n / 10
	}
	return n
}
