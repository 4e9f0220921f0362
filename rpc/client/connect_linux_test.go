package client

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestACrowdIsWaitedFor: a Unix socket whose queue is full says so at once.
func TestACrowdIsWaitedFor(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "c") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil { // room for one
		t.Fatal(err)
	}
	first, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	connected := make(chan error, 1)
	go func() {
		second, err := Dial(t.Context(), path)
		if err == nil {
			err = second.Close()
		}
		connected <- err
	}()
	select {
	case err := <-connected:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond): // can only miss a fault, never invent one
	}
	accepted, _, err := unix.Accept(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(accepted)
	if err := <-connected; err != nil {
		t.Fatal(err)
	}
}
