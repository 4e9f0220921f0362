package shim

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// TestTiedChild ends with whoever has started it, and all it has started with it,
// be that let go of or killed. Another client that comes and goes changes nothing.
func TestTiedChild(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T, dir string, spec Spec) (end func()){
		"the client is closed": func(t *testing.T, dir string, spec Spec) func() {
			c, _, err := Start(testContext(t), executable(t), dir, spec)
			if err != nil {
				t.Fatal(err)
			}
			return func() { c.Close() }
		},
		"the daemon is killed": func(t *testing.T, dir string, spec Spec) func() {
			text, err := json.Marshal(spec)
			if err != nil {
				t.Fatal(err)
			}
			daemon := exec.Command(executable(t), "child", "daemon", strconv.Itoa(0o077), dir, string(text))
			out, err := daemon.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := daemon.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := bufio.NewReader(out).ReadBytes('\n'); err != nil {
				t.Fatal(err)
			}
			return func() { daemon.Process.Kill(); daemon.Wait() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, dir := specOf(t, "family", "stay"), filepath.Join(t.TempDir(), "session")
			spec.Tied = true
			end := begin(t, dir, spec)
			other, err := Connect(testContext(t), dir)
			if err != nil {
				t.Fatal(err)
			}
			h := &held{Client: other, t: t, dir: dir}
			pids := h.descendants()
			passing, err := Connect(testContext(t), dir)
			if err != nil {
				t.Fatal(err)
			}
			passing.Close()
			if !alive(other.Started().PID) {
				t.Error("the child has ended with a client that has not started it")
			}
			end()
			if e := h.exit(); e.Signal != "SIGKILL" {
				t.Errorf("exit %+v", e)
			}
			other.Close()
			for _, pid := range pids {
				if isLinux && alive(pid) {
					t.Errorf("process %d lives", pid)
				}
			}
		})
	}
}
