package session

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestArchiveIsReadBack has files that are not what was written to them.
func TestArchiveIsReadBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := newArchiveWriter(f)
	for range 1000 {
		w.put(api.ArchiveLine{Event: &api.Event{Seq: 7, SessionID: newID(), Type: api.EventMessageUpdated}})
	}
	if err := errors.Join(w.close(), f.Close(), w.verify(t.Context(), path)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	for name, content := range map[string][]byte{"cut off": whole[:len(whole)-9], "empty": nil, "a bit flipped": flipped} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.verify(t.Context(), path); !errors.Is(err, errArchiveDiffers) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := newArchiveWriter(io.Discard)
	other.put(api.ArchiveLine{End: &api.ArchiveEnd{}})
	if err := errors.Join(other.close(), os.WriteFile(path, whole, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := other.verify(t.Context(), path); !errors.Is(err, errArchiveDiffers) {
		t.Errorf("another archive: %v", err)
	}
}
