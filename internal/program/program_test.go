package program

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestWrittenProgramsRun runs each program as soon as it is written, while others
// are being started all the time.
func TestWrittenProgramsRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 6 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := exec.Command("/bin/sh", "-c", ":").Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 300 {
		path := filepath.Join(dir, fmt.Sprint(i))
		Write(t, path, "#!/bin/sh\n")
		if err := exec.Command(path).Run(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	others.Wait()
}
