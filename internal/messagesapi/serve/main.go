// Command serve runs the stand-in for the Messages API as a process: it prints
// its URL as the first line, and ends with SIGTERM, SIGINT, or the end of its
// standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sessiond/sessiond/internal/messagesapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "messagesapi:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done or stdin ends. The goroutine that reads stdin
// ends with it, or with the process.
func run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	s, err := messagesapi.Start()
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := fmt.Fprintln(stdout, s.URL); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, stdin)
	}()
	select {
	case <-ctx.Done():
	case <-ended:
	}
	return nil
}
