package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"
)

// testOutbox is an outbox on a pipe, and the pipe's other end. Why it gave up
// comes on the channel.
func testOutbox(t *testing.T, limit int64, stall time.Duration) (*outbox, net.Conn, <-chan error) {
	here, there := net.Pipe()
	failed := make(chan error, 1)
	o := &outbox{conn: here, limit: limit, stall: stall, room: semaphore.NewWeighted(limit),
		start: func(f func()) { go f() }, failed: func(err error) { failed <- err }}
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	return o, there, failed
}

func TestOutboxIsPatientWithSlowReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const stall = time.Minute
		o, there, failed := testOutbox(t, 1<<10, stall)
		want := bytes.Repeat([]byte("0123456789"), 50)
		if err := o.put(t.Context(), want[:100], want[100:101], want[101:]); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 0, len(want))
		for len(got) < len(want) { // a byte a minute, or nearly so: a quarter of a day
			time.Sleep(stall - time.Second)
			b := make([]byte, 1)
			if _, err := there.Read(b); err != nil {
				t.Fatalf("after %d bytes: %v", len(got), err)
			}
			got = append(got, b...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		select {
		case err := <-failed:
			t.Errorf("it failed: %v", err)
		default:
		}
	})
}

func TestOutboxGivesUpOnThoseWhoNeverRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const stall = time.Minute
		o, _, failed := testOutbox(t, 1<<10, stall)
		started := time.Now()
		if err := o.put(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, errStalled) || time.Since(started) != stall {
			t.Errorf("%v after %v", err, time.Since(started))
		}
	})
}

func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 10
		o, there, _ := testOutbox(t, limit, time.Hour)
		var order []string
		put := func(s string) {
			go func() {
				if err := o.put(t.Context(), []byte(s)); err == nil {
					order = append(order, s) // one at a time: see below
				}
			}()
			synctest.Wait()
		}
		put("1234567")
		put("larger than the whole queue is")
		put("8")
		if len(order) != 1 {
			t.Fatalf("admitted: %q", order)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := o.put(ctx, []byte("9")); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("put into a full queue: %v", err)
		}
		for i, want := range []string{"1234567", "larger than the whole queue is", "8"} {
			got := make([]byte, len(want))
			if _, err := io.ReadFull(there, got); err != nil || string(got) != want {
				t.Fatalf("%q, %v", got, err)
			}
			synctest.Wait()
			if len(order) != min(i+2, 3) {
				t.Fatalf("after %d frames were read, admitted: %q", i+1, order)
			}
		}
		if err := o.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
