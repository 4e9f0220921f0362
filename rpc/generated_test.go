package rpc

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/sessiond/sessiond/rpc/api"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

// The generated files: openrpc.json whole, docs/protocol.md between its markers.
const (
	openRPCFile  = "openrpc.json"
	protocolFile = "../docs/protocol.md"
)

func TestGeneratedFilesAreFresh(t *testing.T) {
	t.Parallel()
	doc, err := newDocument("")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	renew(t, openRPCFile, func([]byte) []byte { return append(whole, '\n') })
	renew(t, protocolFile, func(page []byte) []byte {
		for _, part := range []struct{ name, text string }{
			{"errors", errorsMarkdown(doc)},
			{"methods", methodsMarkdown(doc)},
			{"events", eventsMarkdown(doc)},
			{"objects", objectsMarkdown(doc)},
			{"words", wordsMarkdown()},
		} {
			page = between(t, page, part.name, part.text)
		}
		return page
	})
}

// renew compares a file with what it should be, or makes it so.
func renew(t *testing.T, path string, want func(have []byte) []byte) {
	t.Helper()
	have, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	fresh := want(have)
	switch {
	case bytes.Equal(have, fresh):
	case *update:
		if err := os.WriteFile(path, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is stale: run `go generate ./rpc`\n%s", path, cmp.Diff(string(have), string(fresh)))
	}
}

// between puts text between the markers of a generated part.
func between(t *testing.T, page []byte, name, text string) []byte {
	t.Helper()
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end of generated -->"
	head, rest, ok := strings.Cut(string(page), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("no place for %q", name)
	}
	return []byte(head + begin + "\n" + text + "\n" + end + tail)
}

// table writes a Markdown table.
func table(header []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) {
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	line(slices.Clone(header))
	line(slices.Repeat([]string{"---"}, len(header)))
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

func errorsMarkdown(doc *openRPC) string {
	var rows [][]string
	for _, e := range doc.Errors {
		var data []string
		for _, row := range fieldRows("", e.Data)[1:] { // behind reason
			data = append(data, row[0]+": "+row[2])
		}
		rows = append(rows, []string{fmt.Sprint(e.Code), "`" + string(e.Reason) + "`", e.Summary, strings.Join(data, "; ")})
	}
	return table([]string{"code", "reason", "when", "`data`, beside `reason`"}, rows)
}

func methodsMarkdown(doc *openRPC) string {
	var index [][]string
	var b strings.Builder
	for i, m := range doc.Methods {
		anchor := strings.ToLower(strings.ReplaceAll(m.Name, ".", ""))
		index = append(index, []string{fmt.Sprintf("[`%s`](#%s)", m.Name, anchor), m.Summary})
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", m.Name, m.Summary)
		var params [][]string
		for _, p := range m.Params {
			name := "`" + p.Name + "`"
			if p.Required {
				name += " *"
			}
			params = append(params, []string{name, typeName(p.Schema), p.Description})
		}
		if len(params) > 0 {
			b.WriteString("\n" + table([]string{"param", "type", ""}, params))
		}
		if fields := fieldRows("", m.Result.Schema); len(fields) > 0 {
			b.WriteString("\n" + table([]string{"result", "type", ""}, fields))
		}
		var reasons []string
		for _, r := range methodTable()[i].reasons {
			reasons = append(reasons, "`"+string(r)+"`")
		}
		if len(reasons) > 0 {
			fmt.Fprintf(&b, "\nMay answer %s.\n", strings.Join(reasons, ", "))
		}
		for _, e := range m.Examples {
			b.WriteString("\n" + exampleMarkdown(m.Name, e))
		}
	}
	return table([]string{"method", ""}, index) + b.String()
}

// exampleMarkdown shows a call as it goes over the wire, an answer that is long with
// its members in lines of their own.
func exampleMarkdown(method string, e examplePairing) string {
	var params []string
	for _, p := range e.Params {
		params = append(params, fmt.Sprintf("%q:%s", p.Name, compact(p.Value)))
	}
	result := compact(e.Result.Value)
	if len(result) > 150 {
		result = indented(e.Result.Value)
	}
	return fmt.Sprintf("<details><summary>Example: %s</summary>\n\n```json\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":%q,\"params\":{%s}}\n"+
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}\n```\n\n</details>\n", e.Name, method, strings.Join(params, ","), result)
}

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return err.Error()
	}
	return b.String()
}

func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return err.Error()
	}
	return b.String()
}

func eventsMarkdown(doc *openRPC) string {
	var rows [][]string
	for _, e := range doc.Events {
		data := "–"
		switch {
		case e.Type == api.EventPartialMessage:
			data = "the delta, as Claude Code printed it"
		case e.Data != nil:
			data = typeName(e.Data)
		}
		rows = append(rows, []string{"`" + string(e.Type) + "`", e.Summary, data})
	}
	return table([]string{"type", "when", "data"}, rows)
}

func objectsMarkdown(doc *openRPC) string {
	var b strings.Builder
	for _, t := range components {
		schema := doc.Components.Schemas[t.Name()]
		fmt.Fprintf(&b, "### %s\n\n", t.Name())
		fmt.Fprintf(&b, "%s.\n\n", strings.ToUpper(schema.Description[:1])+schema.Description[1:])
		if len(schema.Properties) == 0 {
			continue
		}
		b.WriteString(table([]string{"field", "type", ""}, fieldRows("", schema)) + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func wordsMarkdown() string {
	var rows [][]string
	types := slices.SortedFunc(maps.Keys(enums), func(a, b reflect.Type) int { return strings.Compare(a.Name(), b.Name()) })
	for _, t := range types {
		doc := wordsDocs[t]
		rows = append(rows, []string{"**" + t.Name() + "**", doc.about})
		for _, w := range enums[t] {
			rows = append(rows, []string{"`" + w + "`", doc.words[w]})
		}
	}
	return table([]string{"word", "meaning"}, rows)
}

// fieldRows lists the fields of an object, those of nested objects behind a dot.
func fieldRows(prefix string, s *jsonschema.Schema) [][]string {
	var rows [][]string
	for _, name := range s.PropertyOrder {
		field := s.Properties[name]
		label := "`" + prefix + name + "`"
		if !slices.Contains(s.Required, name) {
			label += " ?"
		}
		rows = append(rows, []string{label, typeName(field), field.Description})
		inner := field
		if field.Items != nil {
			inner = field.Items
		}
		rows = append(rows, fieldRows(prefix+name+".", inner)...)
	}
	return rows
}

// typeName says what a schema is, with links to objects and words.
func typeName(s *jsonschema.Schema) string {
	name, isRef := strings.CutPrefix(s.Ref, schemaRef)
	switch {
	case isRef && slices.ContainsFunc(components, func(t reflect.Type) bool { return t.Name() == name }):
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	case isRef:
		return fmt.Sprintf("[%s](#words)", name)
	case len(s.Types) > 0:
		return strings.Join(slices.Sorted(slices.Values(s.Types)), " or ")
	case s.Type == "array":
		return "array of " + typeName(s.Items)
	case s.Type == "object" && s.AdditionalProperties != nil:
		return "object of " + typeName(s.AdditionalProperties)
	case s.ContentEncoding != "":
		return s.ContentEncoding + " string"
	case s.Type == "":
		return "any JSON"
	default:
		return s.Type
	}
}
