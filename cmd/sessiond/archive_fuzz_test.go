package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// FuzzArchive reads archives that anybody may have made: whatever is in them, it
// is shown or refused with a word about the file, and what has no end, or no
// header, is never taken for whole.
func FuzzArchive(f *testing.F) {
	const header = `{"header":{"format":"sessiond-archive","version":1,"archived_at":"2026-01-01T00:00:00.000Z","session":{"id":"s"}}}`
	const event = `{"event":{"seq":7,"type":"conversation_updated","session_id":"s","data":{"event_type":"message","role":"assistant","content":"hi\u001b[2J","raw":"{}"}}}`
	const end = `{"end":{"messages":0,"approvals":0,"events":1}}`
	f.Add([]byte(header+"\n"+event+"\n"+end+"\n"), true, false)
	f.Add([]byte(header+"\n"+event+"\n"), true, true)
	f.Add([]byte(event+"\n"+header+"\n"+end+"\n"), true, true)
	f.Add([]byte(strings.Replace(header, `"version":1`, `"version":2`, 1)+end), true, false)
	f.Add([]byte("\x1f\x8b\x08\x00"), false, false)
	f.Fuzz(func(t *testing.T, content []byte, compressed, raw bool) {
		var file bytes.Buffer
		if compressed { // else it stands for what gzip makes of it
			z := gzip.NewWriter(&file)
			if _, err := z.Write(content); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
		} else {
			file.Write(content)
		}
		path := filepath.Join(t.TempDir(), "archive.jsonl.gz")
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		a := &app{}
		a.out = newPrinter(&out, a.getenv)
		err := a.logArchive(path, reading{raw: raw})
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Fatalf("the error does not name the file: %v", err)
		}
		if flushed := a.out.Flush(); flushed != nil {
			t.Fatal(flushed)
		}
		if !raw && strings.ContainsFunc(out.String(), plain.Unsafe) {
			t.Fatalf("printed %q", out.String())
		}
		if err != nil {
			return
		}
		var first, ends *api.ArchiveLine
		if err := readArchive(path, func(line api.ArchiveLine) error {
			if first == nil {
				first = &line
			}
			if line.End != nil {
				ends = &line
			}
			return nil
		}); err != nil || first.Header == nil || ends == nil {
			t.Fatalf("taken for whole: %q", content)
		}
	})
}
