package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/rpc/client"
)

// program is a daemon as a process: it can be killed, stopped and started again.
type program struct {
	exe    string
	state  string // the state directory
	socket string
	log    string // what it prints goes there
	env    []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed once cmd has exited
}

// start starts the daemon and returns once it answers. extra is added to its
// environment. It is an error if the daemon exits first.
func (p *program) start(ctx context.Context, extra ...string) error {
	if err := p.launch(extra...); err != nil {
		return err
	}
	return p.ready(ctx)
}

// launch starts the daemon, and waits for nothing.
func (p *program) launch(extra ...string) error {
	log, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.exe, "serve")
	cmd.Env = append(append([]string{"SESSIOND_STATE_DIR=" + p.state, "SESSIOND_SOCKET=" + p.socket,
		"SESSIOND_LOG_FORMAT=text", "SESSIOND_LOG_LEVEL=info"}, p.env...), extra...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.exited = cmd, exited
	p.mu.Unlock()
	go func() {
		_ = cmd.Wait() // how it ended is asked of cmd
		close(exited)
	}()
	return nil
}

// lastWords is the last line that the daemon has said.
func (p *program) lastWords() string {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return lines[len(lines)-1]
}

// ready waits until the daemon answers.
func (p *program) ready(ctx context.Context) error {
	for {
		c, err := client.Dial(ctx, p.socket)
		if err == nil {
			_, err = c.Health(ctx)
			_ = c.Close()
		}
		if err == nil {
			return nil
		}
		select {
		case <-p.gone():
			return fmt.Errorf("the daemon exited: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// gone is closed once the daemon has exited.
func (p *program) gone() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exited
}

// signal sends a signal, and does not care whether there is anybody.
func (p *program) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(sig)
}

// kill kills the daemon, and waits until it is gone.
func (p *program) kill() {
	p.signal(syscall.SIGKILL)
	<-p.gone()
}

// stop has the daemon stop by itself. It is an error if it does not do so well.
func (p *program) stop() error {
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.gone():
	case <-time.After(patience):
		p.kill()
		return errors.New("the daemon did not stop at SIGTERM")
	}
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("the daemon stopped badly: %v", p.cmd.ProcessState)
	}
	return nil
}

// sessionDir is where a session's shim works.
func (p *program) sessionDir(id string) string { return filepath.Join(p.state, "sessions", id) }
