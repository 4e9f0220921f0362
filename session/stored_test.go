package session

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestStoredFields compares the fields of what is stored as JSON with those that
// were known when the newest schema came. An older program drops fields that it
// does not know, so it must refuse the database.
func TestStoredFields(t *testing.T) {
	t.Parallel()
	migrations, err := filepath.Glob("../store/migrations/*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatal(migrations, err)
	}
	var fields []string
	for name, v := range map[string]any{
		"session": api.Session{}, "message": api.Message{}, "approval": api.Approval{}, "launch": launch{}, "engine": engine{},
	} {
		fields = append(fields, storedFields(name, reflect.TypeOf(v), nil)...)
	}
	slices.Sort(fields)
	got := strings.Join(fields, "\n") + "\n"
	file := fmt.Sprintf("testdata/stored-v%d.txt", len(migrations))
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("What is stored has other fields than %s says (%v). Add a migration, if need be one that changes nothing, "+
			"so that older programs refuse the database, unless the newest one has not been released; and write the list anew:\n%s", file, err, got)
	}
}

// storedFields lists the JSON names of a type's fields, and of what they hold.
func storedFields(name string, typ reflect.Type, within []reflect.Type) (fields []string) {
	for {
		switch {
		case typ.Implements(reflect.TypeFor[json.Marshaler]()), slices.Contains(within, typ):
			return []string{name}
		case typ.Kind() == reflect.Map:
			name += "{}"
		case typ.Kind() == reflect.Slice || typ.Kind() == reflect.Array:
			name += "[]"
		case typ.Kind() != reflect.Pointer:
			if typ.Kind() != reflect.Struct {
				return []string{name}
			}
			within = append(slices.Clone(within), typ)
			for i := range typ.NumField() {
				f := typ.Field(i)
				tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				switch {
				case tag == "-":
				case f.Anonymous && tag == "":
					fields = append(fields, storedFields(name, f.Type, within)...)
				case tag == "":
					fields = append(fields, storedFields(name+"."+f.Name, f.Type, within)...)
				default:
					fields = append(fields, storedFields(name+"."+tag, f.Type, within)...)
				}
			}
			return fields
		}
		typ = typ.Elem()
	}
}
