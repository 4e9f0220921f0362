package rpc

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sessiond/sessiond/internal/npmtools"
	"github.com/sessiond/sessiond/rpc/api"
)

// documentURL is where the OpenRPC document lies for the schema compiler.
const documentURL = "mem:///openrpc.json"

// document is the OpenRPC document, decoded.
func document(t *testing.T) map[string]any {
	t.Helper()
	raw, err := Document("")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

// compiler finds schemas in the OpenRPC document.
func compiler(t *testing.T, draft *jsonschema.Draft) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(draft)
	c.AssertFormat()
	if err := c.AddResource(documentURL, document(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

// The meta-schemas are OpenRPC's own, as its authors publish them: of documents, and
// of the schemas in them.
func TestDocumentFollowsOpenRPC(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	const draft7 = "http://json-schema.org/draft-07/schema#"
	for url, name := range map[string]string{
		"https://meta.open-rpc.org/":      "@open-rpc/meta-schema",
		"https://meta.json-schema.tools/": "@json-schema-tools/meta-schema",
	} {
		script := `process.stdout.write(JSON.stringify(require(process.argv[1]).default))`
		out, err := exec.Command("node", "-e", script, filepath.Join(npmtools.Modules(t), name)).Output()
		if err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		meta, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		meta.(map[string]any)["$schema"] = draft7 // which they name by an address of their own
		for _, spelling := range []string{url, strings.TrimSuffix(url, "/")} {
			if err := c.AddResource(spelling, meta); err != nil {
				t.Fatal(err)
			}
		}
	}
	schema, err := c.Compile("https://meta.open-rpc.org/")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document(t)); err != nil {
		t.Errorf("%#v", err)
	}
	for what, spoil := range map[string]func(method map[string]any){
		"an example without params": func(m map[string]any) { m["examples"] = []any{map[string]any{"name": "x"}} },
		"an odd structure":          func(m map[string]any) { m["paramStructure"] = "by-chance" },
		"a schema that is none":     func(m map[string]any) { m["result"].(map[string]any)["schema"] = 7 },
	} {
		wrong := document(t)
		spoil(wrong["methods"].([]any)[0].(map[string]any))
		if schema.Validate(wrong) == nil {
			t.Errorf("the meta-schema takes %s", what)
		}
	}
}

// Every schema of the document is one, by the draft that OpenRPC names and by the newest.
func TestSchemasCompile(t *testing.T) {
	t.Parallel()
	for _, draft := range []*jsonschema.Draft{jsonschema.Draft7, jsonschema.Draft2020} {
		c := compiler(t, draft)
		compile := func(pointer ...string) {
			for i, p := range pointer {
				pointer[i] = strings.NewReplacer("~", "~0", "/", "~1").Replace(p)
			}
			if _, err := c.Compile(documentURL + "#/" + strings.Join(pointer, "/")); err != nil {
				t.Errorf("%v: %v", pointer, err)
			}
		}
		doc := document(t)
		for i, m := range doc["methods"].([]any) {
			compile("methods", strconv.Itoa(i), "result", "schema")
			for j := range m.(map[string]any)["params"].([]any) {
				compile("methods", strconv.Itoa(i), "params", strconv.Itoa(j), "schema")
			}
		}
		for name := range doc["components"].(map[string]any)["schemas"].(map[string]any) {
			compile("components", "schemas", name)
		}
		for i, e := range doc["x-events"].([]any) {
			if _, ok := e.(map[string]any)["data"]; ok {
				compile("x-events", strconv.Itoa(i), "data")
			}
		}
	}
}

// What goes over the wire is what the document says: results with nothing set, and
// with everything set.
func TestResultsAreAsDocumented(t *testing.T) {
	t.Parallel()
	c := compiler(t, jsonschema.Draft2020)
	for i, m := range methodTable() {
		if m.result.Kind() != reflect.Struct {
			continue
		}
		schema, err := c.Compile(documentURL + "#/methods/" + strconv.Itoa(i) + "/result/schema")
		if err != nil {
			t.Fatal(err)
		}
		for _, full := range []bool{false, true} {
			value := reflect.New(m.result).Elem()
			fill(value, full)
			result := value.Interface()
			if page, ok := result.(api.GetConversationResult); ok { // as it is sent
				result = page.Encoded()
			}
			pieces, err := resultFrame(json.RawMessage("1"), result)
			if err != nil {
				t.Fatal(err)
			}
			frame := slices.Concat(pieces...)
			answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(frame))
			if err != nil {
				t.Fatal(err)
			}
			result = answer.(map[string]any)["result"]
			if err := schema.Validate(result); err != nil {
				t.Errorf("%s: %v\n%s", m.name, err, frame)
			}
			for name := range result.(map[string]any) {
				wrong := maps.Clone(result.(map[string]any))
				wrong[name] = []any{[]any{}}
				if schema.Validate(wrong) == nil {
					t.Errorf("%s: the schema takes anything for %s", m.name, name)
				}
			}
		}
	}
}

// fill gives the least or the most that a value can hold on the wire: enums, which
// are never empty there, are set anyway.
func fill(v reflect.Value, full bool) {
	t := v.Type()
	switch {
	case t == reflect.TypeFor[api.Content]():
		v.Set(reflect.ValueOf(api.Text("text")))
	case t == reflect.TypeFor[api.Time]():
		v.Set(reflect.ValueOf(api.Now()))
	case t == reflect.TypeFor[json.RawMessage]():
		v.Set(reflect.ValueOf(json.RawMessage(`{"a":[1]}`)))
	case enums[t] != nil:
		v.SetString(enums[t][0])
	case t.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if full || options == "" {
				fill(v.FieldByIndex(f.Index), full)
			}
		}
	case !full:
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fill(v.Elem(), full)
	case t.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 2, 2))
		fill(v.Index(0), full)
		fill(v.Index(1), full)
	case t.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(t))
		key := reflect.New(t.Key()).Elem()
		fill(key, full)
		v.SetMapIndex(key, reflect.Zero(t.Elem()))
	case t.Kind() == reflect.String:
		v.SetString("text")
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(7)
	case v.CanFloat():
		v.SetFloat(0.5)
	case v.CanUint():
		v.SetUint(7)
	}
}

func TestDiscoverAnswersTheDocument(t *testing.T) {
	t.Parallel()
	client := startServer(t, &fakeService{}, func(o *Options) { o.Version = "1.2.3" }).dial()
	client.call("rpc.discover", "")
	doc := into[openRPC](t, client.recv())
	if doc.OpenRPC != openRPCVersion || doc.Info.DaemonVersion != "1.2.3" || len(doc.Methods) != len(methodTable()) {
		t.Errorf("%+v, %d methods", doc.Info, len(doc.Methods))
	}
}

// The tables hold everything that api has, and Service: a new word, event or
// method cannot be forgotten here.
func TestTablesAreWhole(t *testing.T) {
	t.Parallel()
	var eventTypes []api.EventType
	for _, k := range eventTable {
		eventTypes = append(eventTypes, k.typ)
	}
	if !slices.Equal(eventTypes, api.EventTypes) {
		t.Errorf("events: %v", eventTypes)
	}
	names := map[string]bool{}
	for _, m := range methodTable() {
		names[strings.ToLower(m.name)] = true
		if m.summary == "" || !strings.HasSuffix(m.summary, ".") {
			t.Errorf("%s: summary %q", m.name, m.summary)
		}
		for _, reason := range m.reasons {
			if errorKinds[reason].code == 0 {
				t.Errorf("%s: no such reason: %s", m.name, reason)
			}
		}
	}
	service := reflect.TypeFor[Service]()
	for i := range service.NumMethod() {
		if name := service.Method(i).Name; !names[strings.ToLower(name)] {
			t.Errorf("no method calls Service.%s", name)
		}
	}
	words := map[string][]string{}
	for typ, list := range enums {
		words[typ.Name()] = list
	}
	for typ, constants := range typedStrings(t, "api") {
		for _, c := range constants {
			if !slices.Contains(words[typ], c) {
				t.Errorf("%s: the word %q is in api, but not in enums", typ, c)
			}
		}
	}
}

// typedStrings finds the string constants of a package that have a type of their own.
func typedStrings(t *testing.T, dir string) map[string][]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), dir+"/"+f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, typed := spec.Type.(*ast.Ident)
			if value, ok := spec.Values[0].(*ast.BasicLit); ok && typed && value.Kind == token.STRING {
				word, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				found[typ.Name] = append(found[typ.Name], word)
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatal("no constants found")
	}
	return found
}
