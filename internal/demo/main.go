// Command demo plays the main job of sessiond for `make demo`: a real Claude
// Code session, launched, followed live, continued, read back and listed, all
// with the commands that a user would type.
//
// It runs in a temporary state directory, which it removes, with a daemon of
// its own, which it stops. Claude Code talks to a stand-in for its API on the
// loopback; with LIVE=1 it is the user's own claude, with their login, and the
// prompts cost a little.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"

	"github.com/sessiond/sessiond/internal/messagesapi"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: demo SESSIOND CLAUDE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1], os.Args[2])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// prompts are what the demo asks for: of the stand-in in its own words, of a
// real model in plain ones.
type prompts struct{ first, second string }

var (
	scripted = prompts{"bash: uname -sm && date +%A", "thank you! which day was it?"}
	live     = prompts{"Run `uname -sm && date +%A` with the Bash tool, and tell me in one sentence what it says.", "Which day did you say it was? One word."}
)

func run(ctx context.Context, sessiond, claude string) (err error) {
	dir, err := os.MkdirTemp("", "sessiond-demo")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{ctx: ctx, program: sessiond, dir: dir, colour: isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == ""}
	ask := live
	if os.Getenv("LIVE") == "" {
		server, err := messagesapi.Start()
		if err != nil {
			return err
		}
		defer server.Close()
		ask = scripted
		d.env = append(messagesapi.Env(dir, server.URL), "TERM="+os.Getenv("TERM"), "COLUMNS="+os.Getenv("COLUMNS"))
	} else {
		d.env = os.Environ()
	}
	d.env = append(d.env, "SESSIOND_STATE_DIR="+filepath.Join(dir, "state"), "SESSIOND_CLAUDE="+claude)
	return errors.Join(d.play(ask), d.stop())
}

// demo runs commands, and shows them.
type demo struct {
	ctx     context.Context
	program string
	dir     string
	env     []string
	colour  bool
}

func (d *demo) play(ask prompts) error {
	d.say("A session: launched by the daemon (which the command starts), followed live.")
	if err := d.show("launch", "--title", "what day is it?", "--allowed-tools", "Bash", ask.first); err != nil {
		return err
	}
	first, err := d.newest()
	if err != nil {
		return err
	}
	d.say("A second session that continues it: the same conversation, the same options.")
	if err := d.show("continue", first[:13], ask.second); err != nil {
		return err
	}
	second, err := d.newest()
	if err != nil {
		return err
	}
	d.say("The whole conversation, read back from SQLite.")
	if err := d.show("log", second[:13]); err != nil {
		return err
	}
	d.say("All sessions.")
	return d.show("list")
}

func (d *demo) stop() error {
	d.ctx = context.WithoutCancel(d.ctx) // also after Ctrl-C nothing stays behind
	d.say("And the daemon is stopped.")
	return d.show("stop")
}

// newest is the id of the session that was active last.
func (d *demo) newest() (string, error) {
	var out bytes.Buffer
	err := d.command(&out, "rpc", "listSessions", `{"limit": 1}`).Run()
	_, id, found := strings.Cut(out.String(), `"id":`)
	if parts := strings.Split(id, `"`); err == nil && found && len(parts) > 1 && len(parts[1]) == 36 {
		return parts[1], nil
	}
	return "", fmt.Errorf("no session in %q: %w", out.String(), err)
}

func (d *demo) say(text string) { fmt.Printf("\n%s\n", d.style("1", "# "+text)) }

// show prints a command as one would type it, and runs it.
func (d *demo) show(args ...string) error {
	words := []string{"sessiond"}
	for _, arg := range args {
		if strings.ContainsAny(arg, " ?!&'\"`") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	fmt.Printf("%s %s\n", d.style("32", "$"), d.style("36", strings.Join(words, " ")))
	if err := d.command(os.Stdout, args...).Run(); err != nil {
		return fmt.Errorf("sessiond %s: %w", args[0], err)
	}
	return nil
}

func (d *demo) command(stdout io.Writer, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(d.ctx, d.program, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = d.env, d.dir, stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

func (d *demo) style(code, text string) string {
	if !d.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
