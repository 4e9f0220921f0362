package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestCallsShareAConnectionAndFindTheirAnswers(t *testing.T) {
	t.Parallel()
	f := serve(t, func(n int, p *peer) {
		if n > 0 {
			t.Error("a second connection was made")
		}
		var waiting []incoming // answered in pairs, the later one first
		for {
			in, ok := p.next()
			if !ok {
				return
			}
			if waiting = append(waiting, in); len(waiting) == 2 {
				p.answer(waiting[1], string(waiting[1].Params))
				p.answer(waiting[0], string(waiting[0].Params))
				waiting = nil
			}
		}
	})
	c := dial(t, f)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			var got struct{ I int }
			if err := c.Call(t.Context(), "echo", map[string]int{"I": i}, &got); err != nil || got.I != i {
				t.Errorf("call %d: got %d, %v", i, got.I, err)
			}
		})
	}
	wg.Wait()
}

func TestEveryMethodSendsItsNameAndParams(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ int, p *peer) {
		for {
			in, ok := p.next()
			if !ok {
				return
			}
			p.raw(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":%q}}`, in.ID, in.Method))
		}
	})
	c := dial(t, f)
	special := map[string]string{"Discover": "rpc.discover", "AllMessages": "listMessages"}
	skip := map[string]bool{"Call": true, "Close": true, "Conversation": true, "Events": true, "PeerPID": true}
	v, calls := reflect.ValueOf(c), 0
	for i := range v.NumMethod() {
		name := v.Type().Method(i).Name
		if skip[name] {
			continue
		}
		calls++
		want := special[name]
		if want == "" {
			want = strings.ToLower(name[:1]) + name[1:]
		}
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		if m := v.Method(i).Type(); m.NumIn() > 1 {
			args = append(args, reflect.Zero(m.In(1)))
		}
		out := v.Method(i).Call(args)
		err, _ := out[1].Interface().(error)
		if err == nil || err.Error() != want {
			t.Errorf("%s called %v, want %s", name, err, want)
		}
	}
	if calls < 17 {
		t.Errorf("only %d methods were tried", calls)
	}
}

func TestAllMessagesAreRead(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ int, p *peer) {
		for {
			in, ok := p.next()
			if !ok {
				return
			}
			var params api.ListMessagesParams
			if err := json.Unmarshal(in.Params, &params); err != nil {
				t.Error(err)
			}
			next := map[int]string{0: `,"next_position":1`, 1: `,"next_position":5`, 5: ""}[params.FromPosition]
			p.raw(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"messages":[{"id":%q,"position":%d,"content":"x"}]%s}}`,
				in.ID, params.SessionID, params.FromPosition, next))
		}
	})
	all, err := dial(t, f).AllMessages(t.Context(), api.ListMessagesParams{SessionID: "s"})
	if err != nil || len(all) != 3 || all[1].Position != 1 || all[2].Position != 5 || all[2].ID != "s" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestErrorsComeBackTyped(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		wire string
		want api.Error
	}{
		{
			`{"code":-32002,"message":"not now","data":{"reason":"invalid_state","status":"running","hint":"wait"}}`,
			api.Error{Reason: api.ReasonInvalidState, Message: "not now", Data: map[string]any{"status": "running", "hint": "wait"}},
		},
		{`{"code":-32601,"message":"no such method"}`, api.Error{Reason: api.ReasonMethodNotFound, Message: "no such method"}},
		{`{"code":-32603,"message":"internal error"}`, api.Error{Reason: api.ReasonInternal, Message: "internal error"}},
		{`{"code":0,"message":"odd","data":null}`, api.Error{Reason: api.ReasonInternal, Message: "odd"}},
	} {
		f := serve(t, func(_ int, p *peer) {
			in, _ := p.next()
			p.raw(`{"jsonrpc":"2.0","id":` + string(in.ID) + `,"error":` + tc.wire + `}`)
			p.next()
		})
		_, err := dial(t, f).Health(t.Context())
		var got *api.Error
		if !errors.As(err, &got) || got.Reason != tc.want.Reason || got.Message != tc.want.Message ||
			fmt.Sprint(got.Data) != fmt.Sprint(tc.want.Data) {
			t.Errorf("%s: got %#v", tc.wire, err)
		}
	}
}

func TestALongResultIsReadWhole(t *testing.T) {
	t.Parallel()
	const length = 65 << 20
	f := serve(t, func(_ int, p *peer) {
		in, _ := p.next()
		p.answer(in, `"`+strings.Repeat("x", length)+`"`)
		p.next()
	})
	var got json.RawMessage
	if err := dial(t, f).Call(t.Context(), "big", nil, &got); err != nil || len(got) != length+2 {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
}

func TestABrokenConnectionFailsItsCallsAndTheNextOneReconnects(t *testing.T) {
	t.Parallel()
	f := serve(t, func(n int, p *peer) {
		in, ok := p.next()
		if n == 0 || !ok {
			return // hangs up instead of answering
		}
		p.answer(in, `{"status":"ok"}`)
		p.next()
	})
	c := dial(t, f)
	if _, err := c.Health(t.Context()); !errors.Is(err, ErrDisconnected) {
		t.Fatalf("got %v, want ErrDisconnected", err)
	}
	if h, err := c.Health(t.Context()); err != nil || h.Status != api.HealthOK {
		t.Fatalf("got %v, %v", h.Status, err)
	}
}

func TestTheDaemonsLastWordReachesEveryCall(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ int, p *peer) {
		p.next()
		p.raw(`{"jsonrpc":"2.0","id":null,"error":{"code":-32008,"message":"going down","data":{"reason":"shutting_down"}}}`)
	})
	if _, err := dial(t, f).Health(t.Context()); !errors.Is(err, &api.Error{Reason: api.ReasonShuttingDown}) {
		t.Fatalf("got %v", err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	got := make(chan struct{})
	f := serve(t, func(_ int, p *peer) {
		p.next()
		close(got)
		in, _ := p.next()
		p.answer(in, `{}`)
		p.next()
	})
	c := dial(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-got; cancel() }()
	if _, err := c.Health(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := c.Health(t.Context()); err != nil {
		t.Fatalf("the connection is of no more use: %v", err)
	}
}

func TestAWriteThatNobodyReadsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	f := serve(t, func(int, *peer) { <-stop })
	t.Cleanup(func() { close(stop) })
	c := dial(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	err := c.Call(ctx, "m", strings.Repeat("x", 16<<20), nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestARequestThatIsTooLongIsRefusedHere(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ int, p *peer) {
		for in, ok := p.next(); ok; in, ok = p.next() {
			p.answer(in, `{}`)
		}
	})
	const envelope = len(`{"jsonrpc":"2.0","id":1,"method":"m","params":""}`)
	for _, limit := range []int{1000, defaultMaxRequest} {
		c := dial(t, f, MaxRequestBytes(limit))
		if limit == defaultMaxRequest {
			c = dial(t, f)
		}
		if err := c.Call(t.Context(), "m", strings.Repeat("x", limit-envelope), nil); err != nil {
			t.Fatal(err)
		}
		err := c.Call(t.Context(), "m", strings.Repeat("x", limit-envelope+1), nil)
		var e *api.Error
		if !errors.As(err, &e) || e.Reason != api.ReasonLimitExceeded || e.Data["limit"] != limit || e.Data["setting"] != "max_request_bytes" {
			t.Fatalf("got %v", err)
		}
		if err := c.Call(t.Context(), "m", "x", nil); err != nil {
			t.Fatalf("behind the refusal: %v", err)
		}
	}
}

// The socket of another user gets nothing, in calls and in subscriptions.
func TestAnotherUsersSocketIsRefused(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ int, p *peer) {
		if in, ok := p.next(); ok {
			t.Errorf("it was sent %+v", in)
		}
	})
	_, err := Dial(t.Context(), f.path, func(c *Client) { c.uid++ })
	var foreign *ForeignError
	if !errors.As(err, &foreign) || foreign.Socket != f.path || foreign.UID != strconv.Itoa(os.Getuid()) {
		t.Fatalf("got %v", err)
	}
	own := serve(t, func(_ int, p *peer) { p.next() })
	c := dial(t, own)
	c.path, c.uid = f.path, c.uid+1
	for _, err := range c.Events(t.Context(), api.SubscribeParams{}) {
		if !errors.As(err, &foreign) {
			t.Fatalf("got %v", err)
		}
	}
}

// What the daemon says before it hangs up is heard, although nothing can be sent.
func TestTheLastWordIsHeard(t *testing.T) {
	t.Parallel()
	hungUp := make(chan struct{}, 2)
	f := serve(t, func(_ int, p *peer) {
		p.raw(`{"jsonrpc":"2.0","id":null,"error":{"code":-32004,"message":"full","data":{"reason":"limit_exceeded"}}}`)
		_ = p.Close()
		hungUp <- struct{}{}
	})
	c := dial(t, f)
	<-hungUp
	if _, err := c.Health(t.Context()); !errors.Is(err, &api.Error{Reason: api.ReasonLimitExceeded}) {
		t.Errorf("a call: %v", err)
	}
	for _, err := range c.Events(t.Context(), api.SubscribeParams{}) {
		if !errors.Is(err, &api.Error{Reason: api.ReasonLimitExceeded}) {
			t.Errorf("a subscription: %v", err)
		}
	}
}

func TestDialAndCallSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, err := Dial(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
	f := serve(t, func(_ int, p *peer) { p.next() })
	c := dial(t, f)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Health(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("closed client: %v", err)
	}
}

// TestPeerPID: the pid is the system's word.
func TestPeerPID(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, func(_ int, p *peer) { p.next() }))
	if pid, err := c.PeerPID(t.Context()); err != nil || pid != os.Getpid() {
		t.Errorf("%d, %v", pid, err)
	}
	_ = c.Close()
	if _, err := c.PeerPID(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("once closed: %v", err)
	}
}
