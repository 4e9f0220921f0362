package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sessiond/sessiond/internal/messagesapi"
)

// patience is how long the recorder waits for a line, or for the end.
const patience = time.Minute

// player plays one scenario to one process.
type player struct {
	api      *messagesapi.Server
	stdin    io.WriteCloser
	lines    chan []byte // what it prints; closed at the end of its output
	in, out  bytes.Buffer
	question string // the newest can_use_tool line
	project  string // working directory
}

// record plays a scenario, and returns what went in and came out, made stable.
func record(program string, s scenario) (in, out []byte, err error) {
	home, err := os.MkdirTemp("", "record")
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	if home, err = filepath.EvalSymlinks(home); err != nil {
		return nil, nil, err
	}
	p := &player{project: filepath.Join(home, "project"), lines: make(chan []byte)}
	if err := p.furnish(s.files); err != nil {
		return nil, nil, err
	}
	if p.api, err = messagesapi.Start(); err != nil {
		return nil, nil, err
	}
	defer p.api.Close()
	if err := p.run(program, home, s); err != nil {
		return nil, nil, fmt.Errorf("%w; it had printed ...%s", err, p.out.Bytes()[max(0, p.out.Len()-2000):])
	}
	n := newNormaliser(home, p.api.URL, p.out.Bytes())
	out, err = n.apply(p.out.Bytes())
	if err != nil {
		return nil, nil, err
	}
	in, err = n.apply(p.in.Bytes())
	return in, out, err
}

// furnish makes the working directory and the files in it.
func (p *player) furnish(files map[string]string) error {
	if err := os.MkdirAll(p.project, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(p.project, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// run runs the process through the scenario to its end. The exit code is part of
// no trace: some scenarios end badly.
func (p *player) run(program, home string, s scenario) error {
	args := []string{"-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose"}
	cmd := exec.Command(program, append(args, s.flags...)...)
	cmd.Env = append(messagesapi.Env(home, p.api.URL), "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS=1")
	cmd.Dir = p.project
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go p.read(stdout)
	err = p.play(s.steps)
	if err == nil {
		err = errors.Join(p.stdin.Close(), p.drain())
	}
	if err != nil {
		_ = cmd.Process.Kill()
		for range p.lines { // until its output has ended
		}
	}
	var exit *exec.ExitError
	if waitErr := cmd.Wait(); !errors.As(waitErr, &exit) {
		err = errors.Join(err, waitErr)
	}
	return err
}

func (p *player) play(steps []step) error {
	for i, s := range steps {
		if err := s(p); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *player) read(stdout io.Reader) {
	defer close(p.lines)
	r := bufio.NewReader(stdout)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			p.lines <- line
		}
		if err != nil {
			return
		}
	}
}

// next is the next line, io.EOF at the end of the output.
func (p *player) next() ([]byte, error) {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return nil, io.EOF
		}
		p.out.Write(line)
		if bytes.HasPrefix(line, []byte(`{"type":"control_request"`)) {
			p.question = string(line)
		}
		return line, nil
	case <-time.After(patience):
		return nil, errors.New("nothing came any more")
	}
}

// drain takes what is still to come.
func (p *player) drain() error {
	for {
		switch _, err := p.next(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// until takes lines up to one that contains text.
func (p *player) until(text string) error {
	for {
		line, err := p.next()
		if err != nil {
			return fmt.Errorf("while waiting for %s: %w", text, err)
		}
		if strings.Contains(string(line), text) {
			return nil
		}
	}
}

// write writes a line to standard input.
func (p *player) write(line string) error {
	p.in.WriteString(line + "\n")
	_, err := io.WriteString(p.stdin, line+"\n")
	return err
}
