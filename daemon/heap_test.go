package daemon

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHeapIsGivenBackAtRest runs a process of its own, for what others allocate
// counts too. It works, then rests, then works and rests again.
func TestHeapIsGivenBackAtRest(t *testing.T) {
	if os.Getenv("SESSIOND_TEST_HEAP") == "" {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.run=^TestHeapIsGivenBackAtRest$", "-test.v")
		cmd.Env = append(os.Environ(), "SESSIOND_TEST_HEAP=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	before := resident(t)
	released := make(chan struct{}, 100)
	long := make(chan struct{}, 100)
	stop := steady(20*time.Millisecond, func() { released <- struct{}{} }, func() { long <- struct{}{} })
	defer stop()
	if grown := resident(t) - before; grown > heapFloor/2 {
		t.Errorf("the floor takes %d bytes", grown)
	}
	cycles := collections()
	for range 3 * heapFloor / 1024 {
		kept = make([]byte, 1024)
	}
	if n := collections() - cycles; n > 4 { // without the floor it is ten times
		t.Errorf("the collector ran %d times", n)
	}
	<-released
	for range 5 * restingBytes / 1024 { // enough for one look, whenever that is
		kept = make([]byte, 1024)
	}
	<-released
	<-long
	for n := 0; ; n++ {
		select {
		case <-long:
		case <-released: // the work may have ended between two looks
		case <-time.After(200 * time.Millisecond): // can only miss a fault, never invent one
			return
		}
		if n == 20 {
			t.Fatal("it is given back again and again although nothing is done")
		}
	}
}

var kept []byte

// collections is how often the collector has run by itself.
func collections() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// resident is what this process has in memory of its own; 0 where the system
// does not tell.
func resident(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	return 0
}
