// Command dist builds a release: archives and Debian packages with all programs,
// man pages, completions, units and licence, a bill of materials, and checksums.
//
// Two builds of one commit are equal byte for byte, wherever they are made: times are
// the commit's, owners are root, entries are sorted, and no path of the machine gets
// in. `make dist` runs it.
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
	"time"
)

// release is what is built, of what and with what.
type release struct {
	version  string    // as git describes it
	commit   string    // whole
	date     time.Time // of the commit
	root     string    // of the repository
	programs []string  // by name
	out      string    // directory of the results
	goTool   string
	nfpm     string // programs
	cyclone  string
	licences bool // the bills of materials say under which licence each module is
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	r := release{}
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	flags.StringVar(&r.version, "version", "", "version, as git describes it")
	flags.StringVar(&r.commit, "commit", "", "commit")
	epoch := flags.Int64("epoch", 0, "time of the commit, in seconds since 1970")
	flags.StringVar(&r.out, "out", "dist", "directory of the results")
	flags.StringVar(&r.goTool, "go", "go", "the go command")
	flags.StringVar(&r.nfpm, "nfpm", "nfpm", "the program that makes Debian packages")
	flags.StringVar(&r.cyclone, "cyclonedx", "cyclonedx-gomod", "the program that makes bills of materials")
	flags.BoolVar(&r.licences, "licences", true, "look for the licence of each module")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r.date = time.Unix(*epoch, 0).UTC()
	if err := r.check(*epoch); err != nil {
		return err
	}
	var err error
	if r.root, err = os.Getwd(); err != nil {
		return err
	}
	if r.programs, err = findPrograms(r.root); err != nil {
		return err
	}
	if r.out, err = filepath.Abs(r.out); err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	return r.build(ctx)
}

// plainVersion keeps surprises out of file names.
var plainVersion = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+~-]*$`)

func (r *release) check(epoch int64) error {
	switch {
	case !plainVersion.MatchString(r.version):
		return fmt.Errorf("the version %q is none: say VERSION=… where git does not know it", r.version)
	case r.commit == "" || epoch <= 0:
		return errors.New("commit and its time are not known: say COMMIT=… and SOURCE_DATE_EPOCH=… where git does not know them")
	}
	return nil
}

// build makes everything for every platform that this machine can build for.
func (r *release) build(ctx context.Context) error {
	manual, err := r.manual(ctx)
	if err != nil {
		return err
	}
	platforms, left := r.platforms()
	for _, p := range platforms {
		if err := r.buildFor(ctx, p, manual); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	if err := r.checksums(); err != nil {
		return err
	}
	for _, why := range left {
		fmt.Println("left out:", why)
	}
	return nil
}

func (r *release) buildFor(ctx context.Context, p platform, manual tree) error {
	programs, err := r.compile(ctx, p)
	if err != nil {
		return err
	}
	bills, err := r.bills(ctx, p)
	if err != nil {
		return err
	}
	licences, err := r.licencesOf(ctx, p)
	if err != nil {
		return err
	}
	files, err := r.stage(programs, manual, bills, licences)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("sessiond_%s_%s_%s", r.version, p.os, p.arch)
	if err := r.archive(filepath.Join(r.out, name+".tar.gz"), name, files.archived()); err != nil {
		return err
	}
	for name, content := range bills {
		file := fmt.Sprintf("%s_%s_%s_%s.cdx.json", name, r.version, p.os, p.arch)
		if err := os.WriteFile(filepath.Join(r.out, file), content, 0o644); err != nil {
			return err
		}
	}
	if p.os != "linux" {
		return nil
	}
	return r.deb(ctx, p, files.packaged())
}
