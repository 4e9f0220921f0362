package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// generated are the files that are written, below the module's root.
var generated = []struct {
	path string
	make func(*document) string
}{
	{"clients/typescript/src/types.gen.ts", typescriptTypes},
	{"clients/typescript/src/methods.gen.ts", typescriptMethods},
	{"clients/python/sessiond/types.py", pythonTypes},
	{"clients/python/sessiond/_methods.py", pythonMethods},
	{"clients/python/sessiond/errors.py", pythonErrors},
}

func main() {
	root := flag.String("root", ".", "root of the module")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "clientgen:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	doc, err := load()
	if err != nil {
		return err
	}
	for _, g := range generated {
		path := filepath.Join(root, g.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(g.make(doc)), 0o644); err != nil {
			return err
		}
	}
	return nil
}
