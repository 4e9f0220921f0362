package shim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What a shim and a client of the first release said to each other, byte for
// byte. These are not to be changed: shims that speak so may be alive.
const firstHello = `{"version":1,"started":{"pid":4711,"start_time":106227,"boot_id":"a3b1c7de-0000-4000-8000-1234567890ab",` +
	`"shim_pid":4710,"started_at":"2025-11-21T07:02:23.123456789Z"}}` + "\n"

var firstDialog = []struct{ request, answer string }{
	{`{"id":1,"op":"write","size":5}` + "\n" + `hello`, `{"id":1}` + "\n"},
	{`{"id":2,"op":"write"}` + "\n", `{"id":2}` + "\n"},
	{`{"id":3,"op":"signal","signal":15}` + "\n", `{"id":3}` + "\n"},
	{`{"id":4,"op":"signal","signal":2}` + "\n", `{"id":4,"code":"failed","text":"operation not permitted"}` + "\n"},
	{`{"id":5,"op":"close_input"}` + "\n", `{"id":5}` + "\n"},
	{`{"id":6,"op":"write","size":4}` + "\n" + `late`, `{"id":6,"code":"input_closed"}` + "\n"},
	{`{"id":7,"op":"kill"}` + "\n", `{"id":7,"code":"exited"}` + "\n"},
}

// fakeShim listens where a shim would, and has one connection.
func fakeShim(t *testing.T, serve func(net.Conn) error) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_ = conn.SetDeadline(time.Now().Add(patience))
			err = serve(conn)
			conn.Close()
		}
		done <- err
	}()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestShimOfTheFirstRelease is held by this program as by its own: not a byte
// reaches it that it would not know.
func TestShimOfTheFirstRelease(t *testing.T) {
	t.Parallel()
	dir := fakeShim(t, func(conn net.Conn) error {
		if _, err := io.WriteString(conn, firstHello); err != nil {
			return err
		}
		for _, turn := range firstDialog {
			got := make([]byte, len(turn.request))
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != turn.request {
				return fmt.Errorf("the shim was sent %q, %w; want %q", got, err, turn.request)
			}
			if _, err := io.WriteString(conn, turn.answer); err != nil {
				return err
			}
		}
		if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
			return fmt.Errorf("the shim was also sent %q, %w", rest, err)
		}
		return nil
	})
	ctx := testContext(t)
	c, err := Connect(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := Started{PID: 4711, StartTime: 106227, BootID: "a3b1c7de-0000-4000-8000-1234567890ab", ShimPID: 4710,
		StartedAt: time.Date(2025, 11, 21, 7, 2, 23, 123456789, time.UTC)}
	if c.Started() != want || c.State() != (State{}) {
		t.Errorf("it said %+v, %+v", c.Started(), c.State())
	}
	for i, step := range []struct{ got, want error }{
		{c.WriteLine(ctx, []byte("hello")), nil},
		{c.WriteLine(ctx, nil), nil},
		{c.Signal(ctx, unix.SIGTERM), nil},
		{c.Signal(ctx, unix.SIGINT), errors.New("the shim refused (failed): operation not permitted")},
		{c.CloseInput(ctx), nil},
		{c.WriteLine(ctx, []byte("late")), ErrInputClosed},
		{c.Kill(ctx), ErrExited},
	} {
		if fmt.Sprint(step.got) != fmt.Sprint(step.want) {
			t.Errorf("step %d: %v, not %v", i+1, step.got, step.want)
		}
	}
}

// TestClientOfTheFirstRelease holds a shim of this program. It finds all that it
// knows, and nothing that it does not know disturbs it: it reads what is told
// about a full disk as an answer to nobody.
func TestClientOfTheFirstRelease(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	conn, err := dial(testContext(t), h.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	in := json.NewDecoder(conn) // as that client has read
	var hello struct {
		Version int `json:"version"`
		Started *struct {
			PID       int       `json:"pid"`
			StartTime uint64    `json:"start_time"`
			BootID    string    `json:"boot_id"`
			ShimPID   int       `json:"shim_pid"`
			StartedAt time.Time `json:"started_at"`
		} `json:"started"`
	}
	if err := in.Decode(&hello); err != nil || hello.Version != 1 || Started(*hello.Started) != h.started {
		t.Fatalf("%+v, %v", hello, err)
	}
	type answer struct {
		ID   uint64 `json:"id"`
		Code string `json:"code"`
		Text string `json:"text"`
	}
	expect := func(want answer) {
		t.Helper()
		for {
			var a answer
			if err := in.Decode(&a); err != nil {
				t.Fatal(err)
			}
			if a == (answer{}) {
				continue // to nobody
			}
			if diff := cmp.Diff(want, a); diff != "" {
				t.Error(diff)
			}
			return
		}
	}
	send := func(text string) {
		t.Helper()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	send(`{"id":1,"op":"write","size":5}` + "\n" + `hello`)
	expect(answer{ID: 1})
	h.awaitJournal("hello\n")
	breakDisk(t, h.dir, map[string]unix.Errno{"space": unix.ENOSPC})
	eventually(t, "the shim holds the child", func() bool { return h.State().Held == HeldDisk })
	send(`{"id":2,"op":"signal","signal":1000}` + "\n")
	expect(answer{ID: 2, Code: "failed", Text: "no such signal"})
	breakDisk(t, h.dir, nil)
	eventually(t, "the shim lets it go on", func() bool { return h.State() == State{} })
	send(`{"id":3,"op":"close_input"}` + "\n")
	expect(answer{ID: 3})
	h.exit()
}

// TestLaunchOfTheFirstRelease: what a daemon of the first release asks for is
// started as ever, also when the program below it was replaced.
func TestLaunchOfTheFirstRelease(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := `{"Path":"L2Jpbi9lY2hv","Dir":"Lw==","LockFile":"L3RtcC9sb2Nr","Args":["aGVsbG8="],"Env":["QT1i","/w=="]}` + "\n"
	f, err := openPrivate(filepath.Join(dir, launchName), unix.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(old); err != nil {
		t.Fatal(err)
	}
	f.Close()
	spec, err := ReadSpec(dir)
	want := Spec{Path: "/bin/echo", Dir: "/", LockFile: "/tmp/lock", Args: []string{"hello"}, Env: []string{"A=b", "\xff"}}
	if diff := cmp.Diff(want, spec); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestShimOfAnotherVersion is told apart from one that is gone, and left alone
// with its child, whatever its first line looks like.
func TestShimOfAnotherVersion(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hello   string
		version int
	}{
		"same fields":  {`{"version":2,"started":{"pid":%d,"shim_pid":%[1]d}}`, 2},
		"other fields": {`{"version":3,"started":[%d],"refused":7}`, 3},
		"ours broken":  {`{"version":1,"started":"%d"}`, 0},
		"no object":    {`"hello %d"`, 0},
		"no JSON":      {`hello %d`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			process := exec.Command("/bin/sleep", "3600")
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			dir := fakeShim(t, func(conn net.Conn) error {
				_, err := fmt.Fprintf(conn, tc.hello+"\n", process.Process.Pid)
				if err == nil {
					var rest []byte
					if rest, err = io.ReadAll(bufio.NewReader(conn)); len(rest) > 0 {
						err = fmt.Errorf("the shim was sent %q", rest)
					}
				}
				return err
			})
			_, err := Connect(testContext(t), dir)
			strange, typed := errors.AsType[*VersionError](err)
			if !typed || strange.Version != tc.version || errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "newer program") {
				t.Errorf("Connect: %T %v", err, err)
			}
			if !alive(process.Process.Pid) {
				t.Error("it was killed")
			}
			_ = process.Process.Kill()
			_ = process.Wait()
		})
	}
}

// FuzzHello: whatever a shim says first, and behind that, the client comes to an
// end with it.
func FuzzHello(f *testing.F) {
	f.Add([]byte(firstHello + `{"id":1}` + "\n"))
	f.Add([]byte(`{"version":2}` + "\n"))
	f.Add([]byte(`{"version":1,"started":{},"state":{"held":"disk","text":"x"}}` + "\n" + `{"id":0,"state":{}}` + "\n" + `{"id":7,"code":"exited"}`))
	f.Add([]byte("\x00\xff"))
	f.Fuzz(func(t *testing.T, said []byte) {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = io.Copy(theirs, bytes.NewReader(said))
			theirs.Close()
		}()
		c, _, err := greet(testContext(t), ours, 0)
		if err != nil {
			return
		}
		select {
		case <-c.Done():
		case <-time.After(patience):
			t.Fatal("the client does not see the end")
		}
		c.Close()
		theirs.Close()
	})
}

// FuzzRequest: what a client sends is a request that says how long its line is,
// or nothing.
func FuzzRequest(f *testing.F) {
	for _, turn := range firstDialog {
		f.Add([]byte(turn.request))
	}
	f.Add([]byte(`{"id":1,"op":"write","size":-1}` + "\n"))
	f.Add([]byte(`{"id":1,"op":"write","size":99999999}` + "\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(sent), maxHeader)
		for {
			req, line, err := readRequest(r)
			if err != nil {
				return
			}
			if req.Op == opWrite && (len(line) != req.Size+1 || line[req.Size] != '\n') || req.Op != opWrite && line != nil {
				t.Fatalf("%+v with %d bytes", req, len(line))
			}
		}
	})
}
