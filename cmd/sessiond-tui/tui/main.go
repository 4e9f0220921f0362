package tui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/client"
)

// The exit codes of Main; they are those of sessiond.
const (
	exitError       = 1
	exitUsage       = 2
	exitUnreachable = 6
	exitStopped     = 130
)

// call is what the command line of the program says.
type call struct {
	o          Options
	socket     string
	maxRequest int
	start      []string
}

// Main is the whole program: it runs the UI as 'sessiond tui' says by args, and
// returns the exit code. What stands behind the flags is the command that starts
// a daemon where none answers.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the process, at once
	c, err := parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	code := exitUsage
	if err == nil {
		code, err = c.run(ctx)
	}
	if err != nil && code != exitStopped {
		fmt.Fprintf(os.Stderr, "sessiond: %s\n", plain.Clean(err.Error()))
	}
	return code
}

func parse(args []string) (*call, error) {
	c := &call{o: Options{Environ: os.Environ(), Env: map[string]string{}, Home: os.Getenv("HOME"), Now: time.Now,
		Editor: cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi")}}
	flags := pflag.NewFlagSet("sessiond-tui", pflag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "This program is run by 'sessiond tui'; see 'sessiond tui --help'. Its flags are\n\n%s", flags.FlagUsages())
	}
	flags.StringVar(&c.socket, "socket", "", "of the daemon")
	flags.IntVar(&c.maxRequest, "max-request-bytes", 0, "how long a request may be; 0: as the protocol has it")
	flags.StringVar(&c.o.Session, "session", "", "the whole id of the session to begin with")
	theme := flags.String("theme", string(ThemeAuto), "colours for a background: auto, dark or light")
	flags.BoolVar(&c.o.Colors, "colors", false, "use colours")
	flags.BoolVar(&c.o.Mouse, "mouse", false, "take what the mouse does")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if c.socket == "" || flags.NArg() == 0 {
		return nil, errors.New("sessiond-tui is run by 'sessiond tui': run that")
	}
	switch c.o.Theme = Theme(*theme); c.o.Theme {
	case ThemeAuto, ThemeDark, ThemeLight:
	default:
		return nil, fmt.Errorf("--theme %q: it is auto, dark or light", *theme)
	}
	for _, kv := range c.o.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			c.o.Env[k] = v
		}
	}
	if dir, err := os.Getwd(); err == nil { // else it was removed: the daemon's default, then
		c.o.Dir = dir
	}
	c.start = flags.Args()
	c.o.Start = c.startDaemon
	return c, nil
}

// run connects to the daemon and shows the UI.
func (c *call) run(ctx context.Context) (int, error) {
	lost := make(chan struct{}, 1)
	c.o.Lost = lost
	options := []client.Option{client.OnDisconnect(func(error) {
		select {
		case lost <- struct{}{}:
		default: // one waits already, and says the same
		}
	})}
	if c.maxRequest > 0 {
		options = append(options, client.MaxRequestBytes(c.maxRequest))
	}
	d, err := client.Dial(ctx, c.socket, options...)
	if err != nil {
		return exitUnreachable, err
	}
	defer d.Close()
	c.o.Daemon = d
	switch err := Run(ctx, c.o, os.Stdin, os.Stdout); {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return exitStopped, err
	default:
		return exitError, err
	}
}

// startDaemon runs the command that starts a daemon, and says why it could not.
func (c *call) startDaemon(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.start[0], c.start[1:]...) // #nosec G204 -- it is this program's caller who says it
	cmd.Stdout = io.Discard
	var said strings.Builder
	cmd.Stderr = &said
	err := cmd.Run()
	if text := strings.TrimPrefix(strings.TrimSpace(said.String()), "sessiond: "); err != nil && text != "" {
		return fmt.Errorf("no daemon: %s", text)
	} else if err != nil {
		return fmt.Errorf("no daemon: %w", err)
	}
	return nil
}
