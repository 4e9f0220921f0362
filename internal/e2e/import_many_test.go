package e2e

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestImportOfMany imports a thousand transcripts, page by page, by two clients at
// once: each becomes one session.
func TestImportOfMany(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	began := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	all := map[string]bool{}
	for n := range 1000 {
		id := uuid.NewString()
		tr := &transcript{id: id, path: filepath.Join(w.projects(), fmt.Sprintf("-work-%d", n%20), id+".jsonl")}
		if err := os.MkdirAll(filepath.Dir(tr.path), 0o700); err != nil {
			t.Fatal(err)
		}
		tr.add(t, turn(id, fmt.Sprintf("prompt %d", n), "answer", began.Add(time.Duration(n)*time.Minute)))
		all[id] = true
	}
	var mu sync.Mutex
	made := map[string]int{}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for id, one := range w.imports(api.ImportTranscriptsParams{}) {
				mu.Lock()
				if one.Outcome == api.ImportNew {
					made[id]++
				} else if one.Outcome != api.ImportUnchanged {
					t.Errorf("%+v", one)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(made) != len(all) {
		t.Errorf("%d of %d are new", len(made), len(all))
	}
	for id, n := range made {
		if n != 1 || !all[id] {
			t.Errorf("%s is new %d times", id, n)
		}
	}
	page, err := w.ListSessions(w.ctx, api.ListSessionsParams{Limit: ptr(3)})
	if err != nil || len(page.Sessions) != 3 || page.Sessions[0].Query != "prompt 999" || page.Sessions[2].Query != "prompt 997" {
		t.Errorf("%+v, %v", page, err)
	}
	found, err := w.ListSessions(w.ctx, api.ListSessionsParams{Text: "prompt 123"})
	if err != nil || len(found.Sessions) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	for _, one := range w.imports(api.ImportTranscriptsParams{}) {
		if one.Outcome != api.ImportUnchanged {
			t.Errorf("%+v", one)
		}
	}
}

// TestImportOfLarge imports a transcript of 100 MB in bounded memory, with requests
// that are short: many pages.
func TestImportOfLarge(t *testing.T) {
	w := scriptedWorld(t, claudecli.Pinned) // not in parallel: memory is measured
	tr := w.keep(nil)
	size := writeLarge(t, tr, 100<<20)
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := watchHeap(t)
	pages := 0
	for p := (api.ImportTranscriptsParams{Paths: []string{tr.path}}); ; pages++ {
		page, err := w.ImportTranscripts(w.ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if page.Bytes != size || page.BytesDone <= 0 || page.BytesDone > size {
			t.Errorf("%+v", page)
		}
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			if len(page.Transcripts) != 1 || page.Transcripts[0].Outcome != api.ImportNew || page.Transcripts[0].Lines < 1000 {
				t.Errorf("%+v", page)
			}
			break
		}
	}
	if pages == 0 {
		t.Error("all of it was one request")
	}
	if most := int64(peak()) - int64(before.HeapInuse); most > 96<<20 {
		t.Errorf("it took %d MiB of memory", most>>20)
	}
	if ses := w.imported(tr); ses.Status != api.StatusCompleted {
		t.Errorf("%+v", ses)
	}
}

// writeLarge writes a transcript of about so many bytes.
func writeLarge(t testing.TB, tr *transcript, bytesWanted int) int64 {
	t.Helper()
	f, err := os.Create(tr.path)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(f)
	lines := bytes.Repeat(turn(tr.id, strings.Repeat("a long prompt ", 100), strings.Repeat("a long answer ", 500), time.Now()), 4)
	for n := 0; n < bytesWanted; n += len(lines) {
		if _, err := out.Write(lines); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// watchHeap looks at this process's heap until it is asked for the peak.
func watchHeap(t testing.TB) (peak func() uint64) {
	stop, result := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
			select {
			case <-tick.C:
			case <-stop:
				result <- most
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-result }
}

// BenchmarkImport is how many lines a second an import takes in. The metric
// import/plain is how many times the time of the plainest batched insert of the same
// lines it takes.
func BenchmarkImport(b *testing.B) {
	w := scriptedWorld(b, claudecli.Pinned)
	lines := 0
	var plain time.Duration
	for b.Loop() {
		b.StopTimer()
		tr := w.keep(nil)
		var all bytes.Buffer
		for range 10_000 {
			all.Write(turn(tr.id, strings.Repeat("prompt ", 100), strings.Repeat("answer ", 100), time.Now()))
		}
		tr.add(b, all.Bytes())
		plain += insertPlainly(b, bytes.Split(bytes.TrimSpace(tr.lines), []byte("\n")))
		b.StartTimer()
		p := api.ImportTranscriptsParams{Paths: []string{tr.path}}
		for {
			page, err := w.ImportTranscripts(w.ctx, p)
			if err != nil {
				b.Fatal(err)
			}
			if p.Cursor = page.NextCursor; p.Cursor == "" {
				break
			}
		}
		lines += 20_000
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(float64(b.Elapsed())/float64(plain), "import/plain")
}

// insertPlainly returns how long it takes to insert lines, and nothing else.
func insertPlainly(b *testing.B, lines [][]byte) time.Duration {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "plain.db")+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE lines (n INTEGER PRIMARY KEY, session INTEGER, time INTEGER, line BLOB); CREATE INDEX by_session ON lines (session)"); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for batch := range slices.Chunk(lines, 512) {
		if err := insertBatch(db, batch); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func insertBatch(db *sql.DB, lines [][]byte) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, once it is committed
	insert, err := tx.Prepare("INSERT INTO lines (session, time, line) VALUES (1, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	for n, line := range lines {
		if _, err := insert.Exec(n, line); err != nil {
			return err
		}
	}
	return tx.Commit()
}
