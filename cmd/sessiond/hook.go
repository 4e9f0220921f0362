package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// hookMercy is how long a command may take to end that was told to.
const hookMercy = 5 * time.Second

// runCommand runs a command that reads input, for at most the time of --timeout; then
// it is ended, with all that it has started. When this is told to stop meanwhile, it
// may still come to its end: else the next call would run it again.
func (n *notifier) runCommand(ctx context.Context, argv, env []string, input []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) // #nosec G204 -- it is the user's own; nothing of a session is in it
	cmd.Env, cmd.Stdin = env, bytes.NewReader(input)
	cmd.Stdout, cmd.Stderr = n.stdout, n.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = hookMercy
	err := cmd.Run()
	if ctx.Err() == nil || cmd.Process == nil {
		return err
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what has not heeded it
	return fmt.Errorf("not done within %s, and ended", n.timeout)
}
