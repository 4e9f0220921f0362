// Command demo plays the main job of sessiond for `make demo`: a real Claude
// Code session, launched, followed live, continued, read back and listed, and a
// second one that asks before it acts and is sent a message while it waits, all
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
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/sessiond/sessiond/internal/messagesapi"
	"github.com/sessiond/sessiond/rpc/api"
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
type prompts struct{ first, second, asking, queued string }

var (
	scripted = prompts{"bash: uname -sm && date +%A", "thank you! which day was it?", "bash: touch release.txt", "and now say goodbye"}
	live     = prompts{"Run `uname -sm && date +%A` with the Bash tool, and tell me in one sentence what it says.", "Which day did you say it was? One word.",
		"Run `touch release.txt` with the Bash tool. Say nothing else.", "And now say goodbye."}
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
	if err := d.playLive(ask); err != nil {
		return err
	}
	d.say("All sessions.")
	return d.show("list")
}

// playLive has a session that stays alive: it asks, and is answered; what is
// sent to it meanwhile is queued.
func (d *demo) playLive(ask prompts) error {
	d.say("A session that stays alive, launched in the background. It asks before it acts.")
	if err := d.show("launch", "--interactive", "-d", ask.asking); err != nil {
		return err
	}
	id, err := d.newest()
	if err != nil {
		return err
	}
	approval, err := d.asked(id)
	if err != nil {
		return err
	}
	if err := d.show("approvals"); err != nil {
		return err
	}
	d.say("A message to it waits until the turn has ended. Then the question is answered.")
	for _, args := range [][]string{{"send", id[:13], ask.queued}, {"inbox", id[:13]}, {"approve", approval}} {
		if err := d.show(args...); err != nil {
			return err
		}
	}
	if err := d.await(func() (bool, error) { return d.waits(id) }); err != nil {
		return err
	}
	d.say("Both turns are done, and the session waits for the next message. We end it.")
	if err := d.show("log", id[:13]); err != nil {
		return err
	}
	if err := d.show("end", id[:13]); err != nil {
		return err
	}
	return d.await(func() (bool, error) { return d.ended(id) })
}

// stop leaves nothing behind, also after a failure or Ctrl-C.
func (d *demo) stop() error {
	d.ctx = context.WithoutCancel(d.ctx)
	d.say("And the daemon is stopped.")
	return errors.Join(d.endAll(), d.show("stop"))
}

// endAll ends whatever still lives: a daemon that stops leaves its sessions be.
func (d *demo) endAll() error {
	live, err := d.sessions(api.StatusQueued, api.StatusStarting, api.StatusRunning, api.StatusWaitingInput, api.StatusInterrupting)
	for _, ses := range live {
		err = errors.Join(err, d.command(io.Discard, "end", "--force", ses.ID).Run(), d.await(func() (bool, error) { return d.ended(ses.ID) }))
	}
	return err
}

// sessions lists the sessions with one of these statuses, newest activity first.
func (d *demo) sessions(status ...api.Status) ([]api.Session, error) {
	var list api.ListSessionsResult
	err := d.call("listSessions", api.ListSessionsParams{Status: status}, &list)
	return list.Sessions, err
}

// newest is the id of the session that was active last.
func (d *demo) newest() (string, error) {
	list, err := d.sessions()
	if err == nil && len(list) == 0 {
		err = errors.New("there is no session")
	}
	if err != nil {
		return "", err
	}
	return list[0].ID, nil
}

// waits reports whether a session waits for a message.
func (d *demo) waits(id string) (bool, error) {
	var r api.SessionResult
	err := d.call("getSessionState", api.SessionParams{SessionID: id}, &r)
	if err == nil && r.Session.Status.Final() {
		err = fmt.Errorf("session %s has ended: %s", id, r.Session.ErrorMessage)
	}
	return r.Session.WaitingFor == api.WaitingForMessage, err
}

// ended reports whether a session is final.
func (d *demo) ended(id string) (bool, error) {
	var r api.SessionResult
	err := d.call("getSessionState", api.SessionParams{SessionID: id}, &r)
	return r.Session.Status.Final(), err
}

// asked is the id of a session's first open question.
func (d *demo) asked(id string) (approval string, err error) {
	return approval, d.await(func() (bool, error) {
		var r api.FetchApprovalsResult
		err := d.call("fetchApprovals", api.FetchApprovalsParams{SessionID: id}, &r)
		if len(r.Approvals) > 0 {
			approval = r.Approvals[0].ID
		}
		return approval != "", err
	})
}

// await asks again and again until the answer is yes.
func (d *demo) await(done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(d.ctx, time.Minute)
	defer cancel()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for too long: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// call calls a method of the protocol, behind the scenes.
func (d *demo) call(method string, params, result any) error {
	p, err := json.Marshal(params)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := d.command(&out, "rpc", method, string(p)).Run(); err != nil {
		return fmt.Errorf("sessiond rpc %s: %w", method, err)
	}
	return json.Unmarshal(out.Bytes(), result)
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
