package shim

import (
	"os/exec"
	"testing"
)

// TestAlive: a child lives until it has exited, reaped or not, and is not
// mistaken for another with its pid.
func TestAlive(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	st := Started{PID: cmd.Process.Pid, StartTime: startTime(cmd.Process.Pid), BootID: bootID()}
	if !st.Alive() {
		t.Error("it lives")
	}
	other := st
	other.StartTime++
	if other.Alive() || (Started{}).Alive() {
		t.Error("another process was taken for it")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is gone, though not reaped", func() bool { return !st.Alive() })
	_ = cmd.Wait()
	if st.Alive() {
		t.Error("it was reaped")
	}
}
