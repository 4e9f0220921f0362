// Command sessiond-export makes a page of a conversation: it is what `sessiond
// export` runs for the formats md and html. It reads the lines that package
// export describes from standard input, and writes the page to standard output.
// It opens no file and no connection.
//
// It is a program of its own because every shim, which is the program sessiond,
// would otherwise carry the tables of what renders Markdown.
package main

import (
	"os"

	"github.com/sessiond/sessiond/cmd/sessiond-export/page"
)

func main() { os.Exit(page.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
