package daemon

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestFigures asks a daemon for its figures by signal.
func TestFigures(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.LogLevel = slog.LevelInfo
	start(t, c)
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Goroutines uint64 `json:"goroutines"`
		HeapLive   uint64 `json:"heap_live_bytes"`
		Memory     uint64 `json:"go_memory_bytes"`
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		log, err := os.ReadFile(c.DaemonLog())
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := bytes.Cut(log, []byte(`"msg":"figures",`))
		if rest, _, whole := bytes.Cut(rest, []byte("\n")); found && whole {
			if err := json.Unmarshal(append([]byte("{"), rest...), &line); err != nil {
				t.Fatal(err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no figures in the log:\n%s", log)
		}
	}
	if line.Goroutines == 0 || line.Memory == 0 {
		t.Errorf("figures: %+v", line)
	}
}
