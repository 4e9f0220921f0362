package search

import (
	"database/sql"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/sessiond/sessiond/rpc/api"
)

// FuzzQuery: whatever is looked for in whatever text, SQLite is asked something that it
// understands, and it answers what the words say; anything else is an error that names
// the param.
func FuzzQuery(f *testing.F) {
	needIndex(f)
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE VIRTUAL TABLE t USING fts5(said, meta, content='', contentless_delete=1, tokenize="ascii")`); err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][2]string{{"apple", "an apple"}, {`"a b"* -c OR d`, "a bc"}, {"日本*", "日本語"}, {"a\x00\"'); DROP", "\xff"}, {"NEAR(x y)", "x y"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, said string) {
		q, err := parseQuery(text)
		if err != nil {
			var e *api.Error
			if !errors.As(err, &e) || e.Reason != api.ReasonInvalidParams || e.Data["field"] != "query" {
				t.Fatal(err)
			}
			return
		}
		var found int
		_, err = db.Exec("INSERT INTO t (rowid, said, meta) VALUES (1, ?, ?)", words(said), metaWords(1, api.RoleUser, said))
		err = errors.Join(err, db.QueryRow("SELECT count(*) FROM t WHERE t MATCH ?", q.match(`"`+roleWord(api.RoleUser)+`"`)).Scan(&found))
		_, gone := db.Exec("DELETE FROM t WHERE rowid = 1")
		if err := errors.Join(err, gone); err != nil {
			t.Fatalf("%s: %v", q.match(), err)
		}
		e := entry{said: api.ConversationEvent{EventType: api.ConversationMessage, Content: said, Role: "user"}}
		e.session = nobody
		if want := e.fits(&api.SearchConversationsParams{}, q); want != (found == 1) {
			t.Errorf("%s in %q: %d found", q.match(), words(said), found)
		}
		line, ranges := snippet(cutText(said, maxText), q)
		for _, r := range ranges {
			if r.Start < 0 || r.End <= r.Start || r.End > utf8.RuneCountInString(line) {
				t.Errorf("%v in %q", ranges, line)
			}
		}
	})
}
