package daemon

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/client"
)

// patienceForTests bounds waits that only a failure reaches the end of.
const patienceForTests = 2 * time.Minute

// manager listens on a socket as a service manager would: it stays when daemons go.
func manager(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

type filer interface{ File() (*os.File, error) }

func fileOf(t *testing.T, of filer) *os.File {
	t.Helper()
	f, err := of.File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAnInheritedSocketOutlivesDaemons: what is asked while no daemon runs, the next
// one answers, and none of them takes the socket away.
func TestAnInheritedSocketOutlivesDaemons(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	l := manager(t, c.Socket)
	for range 2 {
		early, err := net.Dial("unix", c.Socket)
		if err != nil {
			t.Fatal(err)
		}
		_ = early.SetDeadline(time.Now().Add(patienceForTests))
		if _, err := early.Write([]byte(`{"jsonrpc":"2.0","id":7,"method":"health"}` + "\n")); err != nil {
			t.Fatal(err)
		}
		c.Inherited = []*os.File{fileOf(t, l)}
		stop := start(t, c)
		answer, err := bufio.NewReader(early).ReadString('\n')
		if err != nil || !strings.Contains(answer, `"id":7`) || !strings.Contains(answer, `"result"`) {
			t.Errorf("the early one: %q, %v", answer, err)
		}
		_ = early.Close()
		cl, err := client.Dial(t.Context(), c.Socket)
		if err != nil {
			t.Fatal(err)
		}
		if pid, err := cl.PeerPID(t.Context()); err != nil || pid != os.Getpid() {
			t.Errorf("at the other end is pid %d, %v", pid, err)
		}
		_ = cl.Close()
		if err := Listening(c); err == nil {
			t.Error("nobody has the socket's lock")
		}
		stop()
		if m := mode(t, c.Socket); m != 0o600 {
			t.Errorf("the socket has mode %04o", m)
		}
		if err := Listening(c); err != nil {
			t.Error(err)
		}
	}
}

// TestAnUnfitSocketIsRefused, with what is wrong with it, and left as it is.
func TestAnUnfitSocketIsRefused(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(shortDir(t), "other")
	for want, hand := range map[string]func(t *testing.T, c Config) []*os.File{
		"there are 2": func(t *testing.T, c Config) []*os.File {
			l := manager(t, c.Socket)
			return []*os.File{fileOf(t, l), fileOf(t, l)}
		},
		"it is no socket": func(t *testing.T, c Config) []*os.File {
			f, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			return []*os.File{f}
		},
		"it is no Unix socket": func(t *testing.T, _ Config) []*os.File {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return []*os.File{fileOf(t, l.(*net.TCPListener))}
		},
		"it is no stream socket": func(t *testing.T, c Config) []*os.File {
			l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: c.Socket, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return []*os.File{fileOf(t, l)}
		},
		"nobody listens on it": func(t *testing.T, c Config) []*os.File {
			l := manager(t, c.Socket)
			conn, err := net.Dial("unix", c.Socket)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			taken, err := l.AcceptUnix()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = taken.Close() })
			return []*os.File{fileOf(t, taken)}
		},
		"it is bound to": func(t *testing.T, _ Config) []*os.File { return []*os.File{fileOf(t, manager(t, elsewhere))} },
		"it was removed": func(t *testing.T, c Config) []*os.File {
			f := fileOf(t, manager(t, c.Socket))
			if err := os.Remove(c.Socket); err != nil {
				t.Fatal(err)
			}
			return []*os.File{f}
		},
		"it belongs to another user": func(t *testing.T, c Config) []*os.File {
			f := fileOf(t, manager(t, c.Socket))
			if err := os.Chown(c.Socket, 4242, -1); err != nil {
				t.Skip("only root can give a socket away")
			}
			return []*os.File{f}
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			c := testConfig(t)
			c.Inherited = hand(t, c)
			_, before := os.Lstat(c.Socket)
			err := Run(t.Context(), c)
			var refused *InheritError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.Socket) {
				t.Errorf("said %v", err)
			}
			if _, after := os.Lstat(c.Socket); (before == nil) != (after == nil) {
				t.Errorf("the socket: %v before, %v behind", before, after)
			}
			for _, f := range c.Inherited {
				if f.Close() == nil {
					t.Error("a descriptor was left open")
				}
			}
		})
	}
}

// TestACommandIsWaitedFor: while a restore has the state directory, who connects to a
// service's socket waits; he is answered behind it.
func TestACommandIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	if err := MakeStateDir(c); err != nil {
		t.Fatal(err)
	}
	lock, err := lockStateFor(t.Context(), c, "sessiond restore")
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan string, 100)
	c.Notify = func(words string) {
		select {
		case waits <- words:
		default: // the first says all
		}
	}
	c.Inherited = []*os.File{fileOf(t, manager(t, c.Socket))}
	released := make(chan error, 1)
	go func() {
		<-waits
		released <- lock.Close()
	}()
	start(t, c) // which comes back when the daemon is ready
	if err := <-released; err != nil {
		t.Error(err)
	}
	cl, err := client.Dial(t.Context(), c.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := cl.Health(t.Context()); err != nil {
		t.Error(err)
	}

	other := c // a daemon is not waited for
	other.Socket = filepath.Join(shortDir(t), "s")
	other.Inherited = []*os.File{fileOf(t, manager(t, other.Socket))}
	var running *RunningError
	if err := Run(t.Context(), other); !errors.As(err, &running) {
		t.Errorf("a second daemon: %v", err)
	}
}

// TestASocketIsTheSameBySeveralNames: the directory may be spelt in another way.
func TestASocketIsTheSameBySeveralNames(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	link := filepath.Join(shortDir(t), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{dir + "/s", dir + "/s", true},
		{dir + "//s", dir + "/s", true},
		{link + "/s", dir + "/s", true},
		{link + "/s", dir + "/t", false},
		{link + "/s", filepath.Dir(dir) + "/s", false},
		{"", dir + "/s", false},
		{"s", dir + "/s", false},
		{"@s", dir + "/s", false},
	} {
		if got := samePlace(tc.a, tc.b); got != tc.want {
			t.Errorf("%q and %q: %v", tc.a, tc.b, got)
		}
	}
}
