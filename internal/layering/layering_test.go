// Package layering checks the invariants of the repository as a whole: who may
// import whom, that every package says what it is, and that files stay of a
// size that can be read.
package layering

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sessiond/sessiond/"

// mayImport lists, for each room, the rooms whose packages it may import, and
// the reason where one is not plain. Tests may import anything.
var mayImport = map[string][]string{
	"rpc/api":            {},          // a client needs no SQLite and no daemon
	"store":              {"rpc/api"}, // knows rows, not what they mean
	"bus":                {"rpc/api"}, // reads the log through an interface of its own
	"session/shim":       {},          // starts in milliseconds and opens no database
	"session/claude":     {"rpc/api"}, // knows no database and no client
	"session":            {"rpc/api", "session/claude", "session/jobs", "session/redact", "session/shim", "session/summary", "store", "bus", "session/transcript", "session/hook"},
	"session/jobs":       {"rpc/api", "store"},          // knows jobs, not what is done for them
	"session/redact":     {},                            // for hooks too, which are quick
	"session/summary":    {"rpc/api", "session/redact"}, // knows what a summariser is told, no process
	"rpc":                {"rpc/api", "bus"},            // its service is an interface
	"rpc/client":         {"rpc/api"},
	"daemon":             {"rpc", "rpc/api", "session", "session/shim", "store", "store/search", "bus", "session/redact"},
	"daemon/service":     {},                            // files and the managers' commands, nothing of the daemon
	"session/transcript": {"rpc/api", "session/claude"}, // knows no database: what is imported and what is watched is read by it
	// All else goes through the socket.
	"cmd/sessiond":             {"daemon", "daemon/service", "rpc/api", "rpc/client", "session/shim", "cmd/sessiond/export", "cmd/sessiond/plain", "session/claude", "session/hook", "cmd/sessiond/settings"},
	"cmd/sessiond-tui":         {"cmd/sessiond-tui/tui"},                                 // a program of its own: what it is made of would be set up by every shim
	"cmd/sessiond-tui/tui":     {"rpc/api", "rpc/client", "cmd/sessiond/plain"},          // a client like any other: all it knows comes through the socket
	"cmd/sessiond/plain":       {"rpc/api"},                                              // what is fit for a terminal, for the command line and the terminal UI
	"cmd/sessiond-export":      {"cmd/sessiond-export/page"},                             // a program of its own, as sessiond-tui is
	"cmd/sessiond-export/page": {"rpc/api", "cmd/sessiond/plain", "cmd/sessiond/export"}, // a filter: it opens no file and no connection
	"cmd/sessiond/export":      {"rpc/api"},                                              // what the two hand over
	"store/search":             {"rpc/api", "store"},                                     // how events are shown is given to it
	// Of sessions in terminals.
	"session/hook":          {"session/shim", "session/claude", "session/redact"}, // Claude Code waits for it: it starts in milliseconds and knows no daemon
	"cmd/sessiond/settings": {},                                                   // texts and files, nothing else
}

// everywhere may be imported by every room: in a normal build it is nothing.
const everywhere = "internal/crashpoint"

type listed struct {
	ImportPath, Dir, Doc string
	Imports              []string
	GoFiles              []string
}

// packages lists the packages of the module.
func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Imports,GoFiles", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < len(mayImport) {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

func TestImports(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(room, "internal/") {
			continue
		}
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("%s is no room of the table in docs/architecture.md", room)
		}
		seen[room] = true
		for _, path := range p.Imports {
			if other, ours := strings.CutPrefix(path, module); ours && other != everywhere && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s", room, other)
			}
		}
	}
	for room := range mayImport {
		if !seen[room] {
			t.Errorf("there is no room %s", room)
		}
	}
}

func TestPackageDocs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package doc", p.ImportPath)
		}
	}
}

// TestExportedDocs has everything exported say what it promises.
func TestExportedDocs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 || strings.Contains(p.ImportPath, "/cmd/") {
			continue
		}
		fset := token.NewFileSet()
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			undocumented(t, p.ImportPath, file)
		}
	}
}

// maxLines is where a file probably does two things.
const maxLines = 500

func TestFileSizes(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			b, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(b), "\n"); n > maxLines && !strings.Contains(name, ".gen.") {
				t.Errorf("%s/%s has %d lines", p.ImportPath, name, n)
			}
		}
	}
}

// undocumented reports what a file exports without a comment.
func undocumented(t *testing.T, pkg string, file *ast.File) {
	t.Helper()
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			// Error and Unwrap promise what package errors says of them.
			known := d.Name.Name == "Error" || d.Name.Name == "Unwrap"
			if d.Name.IsExported() && !known && d.Doc == nil && (d.Recv == nil || exportedReceiver(d)) {
				t.Errorf("%s: %s has no doc comment", pkg, d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
						t.Errorf("%s: %s has no doc comment", pkg, s.Name)
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						t.Errorf("%s: %s has no doc comment", pkg, s.Names[0])
					}
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}
