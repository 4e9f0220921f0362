package torture

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/scripted"
)

var (
	rounds  = flag.Int("rounds", 3, "rounds of TestTorture")
	soakFor = flag.Duration("soak", 10*time.Second, "length of TestSoak")
	soakOut = flag.String("soak-json", "", "file for the samples of TestSoak")
	seed    = flag.Int64("seed", 1, "seed of the first round; each round after it has the next number")
)

// patience bounds every wait. It is reached only by a failure.
const patience = 4 * time.Minute

// wanted ends when the tests are interrupted.
var wanted context.Context

// Programs that were built for the tests: sessiond, and one with crash points.
var sessiond, crashing string

func TestMain(m *testing.M) {
	scripted.RunIfClaude()
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "torture-bin")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	sessiond, crashing = filepath.Join(dir, "sessiond"), filepath.Join(dir, "crashing")
	build("-o", sessiond)
	build("-o", crashing, "-tags", "crashpoints,sqlite_fts5")
	// Whoever interrupts the tests has them clean up.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	wanted = ctx //nolint:fatcontext // once, for all tests
	return m.Run()
}

func build(args ...string) {
	cmd := exec.Command("go", append(append([]string{"build"}, args...), "github.com/sessiond/sessiond/cmd/sessiond")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
}
