package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestStopSignalsTheDaemonOnly: the pid that a daemon names is believed only where
// it is that of the process which listens on the socket.
func TestStopSignalsTheDaemonOnly(t *testing.T) {
	t.Parallel()
	bystander := exec.Command("cat") // until its input ends
	in, err := bystander.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	for named, want := range map[int]string{bystander.Process.Pid: "another pid namespace", 1: "not stopped", 0: "not stopped", -1: "not stopped"} {
		dir := fakeDaemon(t, fmt.Sprintf(`"result":{"status":"ok","version":"","protocol_version":1,"pid":%d,"state_dir":"","claude":{},"sessions":{}}`, named))
		var stderr bytes.Buffer
		code := run(t.Context(), []string{"stop"}, strings.NewReader(""), io.Discard, &stderr, []string{"SESSIOND_STATE_DIR=" + dir})
		if code == 0 || !strings.Contains(stderr.String(), want) {
			t.Errorf("pid %d: exit code %d, %s", named, code, &stderr)
		}
	}
	_ = in.Close()
	if err := bystander.Wait(); err != nil {
		t.Errorf("the bystander: %v", err)
	}
}
