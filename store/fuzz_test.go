package store

import (
	"errors"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// FuzzListCursor takes any text for the cursor of a list: it is one that a list
// gave out, or it is refused as such.
func FuzzListCursor(f *testing.F) {
	for _, k := range []listKey{{}, {activity: 1792497600000, n: 7}, {activity: -1, n: -1}} {
		f.Add(k.cursor())
	}
	f.Add("MC4w\n")
	f.Add("MDAuMDA")
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		k, err := parseCursor(cursor)
		if err == nil {
			if k.cursor() != cursor {
				t.Fatalf("%q is taken for %q", cursor, k.cursor())
			}
			return
		}
		var refused *api.Error
		if !errors.As(err, &refused) || refused.Data["field"] != "cursor" {
			t.Fatalf("%q: %v", cursor, err)
		}
	})
}
