package shim

import (
	"os/exec"
	"syscall"
	"testing"
)

// TestKillStrays kills what has inherited a variable, in whatever session and
// process group it is, and nothing else.
func TestKillStrays(t *testing.T) {
	t.Parallel()
	entry := "SHIM_TEST_STRAYS=" + t.TempDir()
	ours, other := sleeper(t, "A=b", entry), sleeper(t, entry+"x", "x"+entry, "y="+entry)
	if n := KillStrays(entry); n != 1 {
		t.Errorf("%d were killed", n)
	}
	_ = ours.Wait() // the error is how it ended
	if status, ok := ours.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("ended otherwise: %v", ours.ProcessState)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("another process was hit: %v", err)
	}
}

// sleeper is a process in a session of its own, with an environment.
func sleeper(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sleep", "600")
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}
