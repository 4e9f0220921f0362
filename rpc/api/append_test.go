package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fill sets the fields of a struct that drawing chooses, and their values: a field that
// AppendJSON does not know of is found out.
func fill(t *rapid.T, v reflect.Value) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if !rapid.Bool().Draw(t, name+" set") {
			continue
		}
		fillOne(t, name, v.Field(i))
	}
}

func fillOne(t *rapid.T, name string, f reflect.Value) {
	switch f.Interface().(type) {
	case Time:
		f.Set(reflect.ValueOf(FromMillis(rapid.Int64Range(1, 4e12).Draw(t, name))))
		return
	case json.RawMessage:
		doc, err := Marshal(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, name))
		if err != nil {
			t.Fatal(err)
		}
		f.SetBytes(doc)
		return
	}
	switch f.Kind() {
	case reflect.String:
		f.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"a\xffb", "\x1b[31m\n\"\\", "\u2028"})).Draw(t, name))
	case reflect.Int, reflect.Int64:
		f.SetInt(rapid.Int64Range(0, 1<<53).Draw(t, name))
	case reflect.Bool:
		f.SetBool(true)
	case reflect.Slice:
		f.SetBytes([]byte(rapid.String().Draw(t, name)))
	case reflect.Pointer:
		p := reflect.New(f.Type().Elem())
		fillOne(t, name, p.Elem())
		f.Set(p)
	default:
		t.Fatalf("%s: no value for a %v", name, f.Type())
	}
}

// sameJSON checks that both documents have the same members in the same order.
func sameJSON(t *rapid.T, v any, got []byte) {
	want, err := Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var wanted, gotten any
	if err := json.Unmarshal(want, &wanted); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &gotten); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if diff := cmp.Diff(wanted, gotten); diff != "" {
		t.Fatalf("not what Marshal writes:\n%s", diff)
	}
	if a, b := order(want), order(got); a != b {
		t.Fatalf("members in another order: %s, want %s", b, a)
	}
}

// order lists the names of a document's own members.
func order(doc []byte) string {
	var names []string
	dec := json.NewDecoder(strings.NewReader(string(doc)))
	if _, err := dec.Token(); err != nil {
		return err.Error()
	}
	for dec.More() {
		name, _ := dec.Token()
		names = append(names, name.(string))
		var skipped json.RawMessage
		if err := dec.Decode(&skipped); err != nil {
			return err.Error()
		}
	}
	return strings.Join(names, " ")
}

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var ev Event
		fill(t, reflect.ValueOf(&ev).Elem())
		sameJSON(t, ev, ev.AppendJSON(nil))
		var conv ConversationEvent
		fill(t, reflect.ValueOf(&conv).Elem())
		sameJSON(t, conv, conv.AppendJSON(nil))
		withConv := ev
		withConv.Data = conv.AppendJSON(nil)
		if got, want := ev.AppendConversation(nil, &conv), withConv.AppendJSON(nil); string(got) != string(want) {
			t.Fatalf("got %s, want %s", got, want)
		}
		page := GetConversationResult{Events: []ConversationEvent{}}
		for range rapid.IntRange(0, 3).Draw(t, "events") {
			page.Events = append(page.Events, conv)
		}
		page.HeadSeq = ev.Seq
		if ev.Seq%2 == 1 {
			page.NextAfterSeq = &ev.Seq
		}
		sameJSON(t, page, bytes.Join(page.Encoded().JSON(), nil))
	})
}
