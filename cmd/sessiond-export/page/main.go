package page

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// Main is the program sessiond-export; it returns the exit code. A test can run
// it in the place of the program.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o Options
	flags := flag.NewFlagSet("sessiond-export", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, `sessiond-export makes a page of a conversation that it reads from standard input.
It is a part of 'sessiond export', which is what you want.

`)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.Format, "format", "", "md or html")
	flags.BoolVar(&o.Full, "full", false, "long inputs and results whole")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if err := Render(stdout, stdin, o); err != nil {
		_, _ = fmt.Fprintln(stderr, plain.Clean(err.Error()))
		return 1
	}
	return 0
}
