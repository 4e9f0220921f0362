package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

const (
	soakSessions = 20 // that live at a time
	soakKeeps    = 2  // ended ones that each of them leaves behind, before the oldest is deleted
	longSoak     = 5 * time.Minute
)

// TestSoak has twenty sessions and five clients come and go: two launch, talk,
// end and delete, one lists and reads, two subscribe, one of them anew again and
// again. In a soak of five minutes or more memory, descriptors and goroutines
// must level off; after one of any length the daemon must be as it was before.
func TestSoak(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("what a process takes is read from /proc")
	}
	w := newWorld(t, sessiond, claudecli.Pinned)
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(wanted, *soakFor+2*patience)
	defer cancel()
	w.begin()
	before := w.sample()
	w.records = "" // nobody compares
	s := &soak{w: w, begun: time.Now()}
	s.run(*soakFor)
	w.conclude()
	for id := range w.list() {
		w.delete(id)
	}
	after := w.calm(before)
	after.At = time.Since(s.begun).Seconds()
	t.Logf("%d sessions, %d messages, %d events in %v\n%sat rest, before and after:\n%s", s.sessions.Load(), s.messages.Load(), s.events.Load(), *soakFor,
		table(s.samples), table([]sample{before, after}))
	s.write(t)
	for _, f := range leveling {
		if f.grew(before, after) {
			w.problem("%s: %d before, and %d after all sessions are gone", f.name, f.of(before), f.of(after))
		}
		if *soakFor >= longSoak {
			w.levels(f, s.samples)
		}
	}
	if err := w.daemon.stop(); err != nil {
		w.problem("%v", err)
	}
	w.checkProcesses()
	w.checkFiles()
	w.checkDatabase()
	w.checkLog()
	w.report("soak")
}

// sample is what a daemon takes at some time.
type sample struct {
	At         float64 `json:"at_s"`
	RSS        int     `json:"rss_kib"`
	Heap       int     `json:"heap_live_kib"`
	Threads    int     `json:"threads"`
	Files      int     `json:"descriptors"`
	Goroutines int     `json:"goroutines"`
	Database   int     `json:"database_kib"`
	WAL        int     `json:"wal_kib"`
	Shims      int     `json:"shims"`
}

// figure is one of those that must level off: in the last third of a soak its
// median may be larger than in the middle third by a tenth and some slack, and
// after the soak larger than before by rest.
type figure struct {
	name        string
	of          func(sample) int
	slack, rest int
}

var leveling = []figure{
	{"RSS (KiB)", func(s sample) int { return s.RSS }, 8 << 10, 64 << 10},
	{"live heap (KiB)", func(s sample) int { return s.Heap }, 4 << 10, 32 << 10},
	{"threads", func(s sample) int { return s.Threads }, 4, 64},
	{"descriptors", func(s sample) int { return s.Files }, 16, 16},
	{"goroutines", func(s sample) int { return s.Goroutines }, 32, 4},
	{"database (KiB)", func(s sample) int { return s.Database }, 16 << 10, 1 << 30},
	{"write-ahead log (KiB)", func(s sample) int { return s.WAL }, 8 << 10, 1 << 10},
}

// grew tells whether a figure is larger after a soak than before, by more than may rest.
func (f figure) grew(before, after sample) bool { return f.of(after) > f.of(before)+f.rest }

// levels says whether a figure has grown.
func (w *world) levels(f figure, samples []sample) {
	third := len(samples) / 3
	middle, last := median(f, samples[third:2*third]), median(f, samples[2*third:])
	if last > middle+middle/10+f.slack {
		w.problem("%s: grows: the median is %d in the middle third and %d in the last", f.name, middle, last)
	}
}

func median(f figure, samples []sample) int {
	var values []int
	for _, s := range samples {
		values = append(values, f.of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// soak is a soak under way.
type soak struct {
	w                          *world
	begun                      time.Time
	sessions, messages, events atomic.Int64
	samples                    []sample
}

// run lets everything happen for a time.
func (s *soak) run(span time.Duration) {
	ctx, cancel := during(s.w.ctx, span)
	defer cancel()
	talker, err := client.Dial(ctx, s.w.daemon.socket)
	if err != nil {
		s.w.problem("%v", err)
		return
	}
	defer talker.Close()
	var wg, asking sync.WaitGroup
	for i := range soakSessions {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		wg.Go(func() { s.comeAndGo(ctx, rng, talker) })
	}
	answering, answered := context.WithCancel(s.w.ctx)
	asking.Go(func() { s.w.answer(answering, rand.New(rand.NewPCG(2, 0))) })
	wg.Go(func() { s.read(ctx) })
	wg.Go(func() { s.listen(ctx, func() bool { return true }) })
	hop := rand.New(rand.NewPCG(3, 0))
	wg.Go(func() { s.listen(ctx, func() bool { return hop.IntN(500) > 0 }) })
	s.watch(ctx, max(span/200, 500*time.Millisecond))
	wg.Wait()
	answered()
	asking.Wait()
}

// watch takes samples until the context ends.
func (s *soak) watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			x := s.w.sample()
			x.At = time.Since(s.begun).Seconds()
			s.samples = append(s.samples, x)
		case <-ctx.Done():
			return
		}
	}
}

// comeAndGo has one session after the other live for a while.
func (s *soak) comeAndGo(ctx context.Context, rng *rand.Rand, talker *client.Client) {
	var ended []string
	for ctx.Err() == nil {
		id, err := s.w.next(rng, "")
		if err != nil {
			s.w.problem("not launched: %v", err)
			return
		}
		s.sessions.Add(1)
		for range rng.IntN(8) {
			if _, err := talker.SendMessage(ctx, api.SendMessageParams{SessionID: id, Content: api.Text(script(rng))}); err != nil {
				break // it has ended, or takes one message only
			}
			s.messages.Add(1)
			pause(ctx, time.Duration(rng.IntN(1000))*time.Millisecond)
		}
		if ses, err := s.w.session(id); err == nil && ses.Interactive {
			s.w.end(id, rng.IntN(8) == 0)
		} else {
			_, _ = s.w.until(s.w.ctx, id, final)
		}
		if ended = append(ended, id); len(ended) > soakKeeps {
			s.w.delete(ended[0])
			ended = ended[1:]
		}
		pause(ctx, time.Duration(rng.IntN(300))*time.Millisecond)
	}
}

// read lists sessions and reads what they say, as an interface for people does.
func (s *soak) read(ctx context.Context) {
	c, err := client.Dial(ctx, s.w.daemon.socket)
	if err != nil {
		s.w.problem("%v", err)
		return
	}
	defer c.Close()
	for ctx.Err() == nil {
		list, err := c.ListSessions(ctx, api.ListSessionsParams{})
		if err != nil && ctx.Err() == nil {
			s.w.problem("listSessions: %v", err)
		}
		for _, ses := range list.Sessions {
			_, err := c.GetConversation(ctx, api.GetConversationParams{SessionID: ses.ID})
			if err != nil && ctx.Err() == nil && !errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) {
				s.w.problem("getConversation: %v", err)
			}
			pause(ctx, 20*time.Millisecond)
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// listen subscribes to everything, and anew each time that stay says no.
func (s *soak) listen(ctx context.Context, stay func() bool) {
	c, err := client.Dial(ctx, s.w.daemon.socket)
	if err != nil {
		s.w.problem("%v", err)
		return
	}
	defer c.Close()
	for ctx.Err() == nil {
		for _, err := range c.Events(ctx, api.SubscribeParams{IncludePartial: true}) {
			if err != nil && ctx.Err() == nil {
				s.w.problem("subscribe: %v", err)
				return
			}
			if s.events.Add(1); !stay() {
				break
			}
		}
	}
}

// calm takes samples until the daemon has come to rest, as it was before, or has
// had time enough: what was deleted is removed behind the answer, the write-ahead
// log is cut once nothing is written any more, and memory is given back to the
// machine once nothing is done any more. Asking is doing something: hence seldom.
func (w *world) calm(before sample) sample {
	for deadline := time.Now().Add(patience / 2); ; time.Sleep(time.Second) {
		now := w.sample()
		if now.Shims == 0 && now.rested(before) || time.Now().After(deadline) {
			return now
		}
	}
}

// rested tells whether no figure is larger than it was before by more than rest.
func (s sample) rested(before sample) bool {
	return !slices.ContainsFunc(leveling, func(f figure) bool { return f.grew(before, s) })
}

// sample asks the system, and the daemon itself, what it takes.
func (w *world) sample() sample {
	x := w.system()
	for name, size := range map[string]*int{"sessiond.db": &x.Database, "sessiond.db-wal": &x.WAL} {
		if info, err := os.Stat(filepath.Join(w.daemon.state, name)); err == nil {
			*size = int(info.Size() >> 10)
		}
	}
	for _, p := range w.processes() {
		if strings.Contains(p.command, " shim ") {
			x.Shims++
		}
	}
	told := w.figures()
	w.daemon.signal(syscall.SIGUSR1)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if all := w.figures(); len(all) > len(told) {
			var memory int
			if _, err := fmt.Sscanf(all[len(all)-1], "goroutines=%d heap_live_bytes=%d go_memory_bytes=%d", &x.Goroutines, &x.Heap, &memory); err != nil {
				w.problem("figures: %v", err)
			}
			x.Heap >>= 10
			return x
		}
		if time.Now().After(deadline) {
			w.problem("the daemon does not log its figures")
			return x
		}
	}
}

// figures lists what the daemon has logged of itself.
func (w *world) figures() []string {
	log, err := os.ReadFile(w.daemon.log)
	if err != nil {
		w.problem("%v", err)
	}
	var all []string
	for l := range strings.Lines(string(log)) {
		if _, f, found := strings.Cut(l, " figures "); found && strings.HasSuffix(f, "\n") {
			all = append(all, f)
		}
	}
	return all
}

// table shows about twenty of the samples.
func table(samples []sample) string {
	var b strings.Builder
	out := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "s\tRSS MiB\theap MiB\tthreads\tdescriptors\tgoroutines\tdatabase MiB\tWAL MiB\tshims\t")
	for i := 0; i < len(samples); i += max(1, len(samples)/20) {
		x := samples[i]
		fmt.Fprintf(out, "%.0f\t%.1f\t%.1f\t%d\t%d\t%d\t%.1f\t%.1f\t%d\t\n", x.At, float64(x.RSS)/1024, float64(x.Heap)/1024,
			x.Threads, x.Files, x.Goroutines, float64(x.Database)/1024, float64(x.WAL)/1024, x.Shims)
	}
	_ = out.Flush()
	return b.String()
}

// write leaves the samples in a file, if one was named.
func (s *soak) write(t *testing.T) {
	if *soakOut == "" {
		return
	}
	b, err := json.MarshalIndent(s.samples, "", " ")
	if err == nil {
		err = os.WriteFile(*soakOut, b, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
