package daemon

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/sessiond/sessiond/rpc"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func TestBoundsHaveBounds(t *testing.T) {
	t.Parallel()
	for _, s := range boundSettings {
		for value, ok := range map[string]bool{"0": false, "-1": false, "": false, "1e3": false, "8MiB": false, "1048576": true, "99999999999999999999": false} {
			if err := s.apply(&Config{}, value); (err == nil) != ok {
				t.Errorf("%s = %q: %v", s.Key, value, err)
			}
		}
	}
}

// TestLinesHaveBounds: a line has to fit the least journal that there may be.
func TestLinesHaveBounds(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{"1048575": false, "1048576": true, "536870912": true, "536870913": false} {
		_, err := Load(Sources{Flags: map[string]string{"max_line_bytes": value}, Getenv: env(map[string]string{"HOME": "/h"})})
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "max-line-bytes") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// TestConnectionsFitTheOpenFiles at the bound: what fits is taken, one more is not.
func TestConnectionsFitTheOpenFiles(t *testing.T) {
	t.Parallel()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur+1 < limit.Max && limit.Max < 1<<20 { // Go leaves one
		t.Errorf("the limit of open files is %d, and may be %d", limit.Cur, limit.Max)
	}
	most := int64(min(limit.Cur, 1<<31-1)) - otherFiles
	c := Config{Bounds: Bounds{MaxConnections: most}}
	if err := c.fitToFiles(); err != nil || c.MaxConnections != most {
		t.Errorf("%d: %v", c.MaxConnections, err)
	}
	c = testConfig(t)
	c.MaxConnections = most + 1
	err := Run(t.Context(), c)
	var config *ConfigError
	if !errors.As(err, &config) || !strings.Contains(err.Error(), "max_connections") || !strings.Contains(err.Error(), "ulimit") {
		t.Errorf("one more than there may be: %v", err)
	}
	c = Config{}
	if err := c.fitToFiles(); err != nil || c.MaxConnections < 1 || c.MaxConnections > rpc.DefaultMaxConnections {
		t.Errorf("by default %d, %v", c.MaxConnections, err)
	}
}

// TestBoundsReachClients of a whole daemon, and what they are told.
func TestBoundsReachClients(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Bounds = Bounds{MaxConnections: 3, MaxSubscriptions: 1, MaxRequestBytes: 4096}
	start(t, c)
	dial := func() *client.Client {
		cl, err := client.Dial(t.Context(), c.Socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cl.Close() })
		return cl
	}
	met := func(err error, reason api.Reason, setting string, limit float64) {
		t.Helper()
		var e *api.Error
		if !errors.As(err, &e) || e.Reason != reason || e.Data["setting"] != setting || e.Data["limit"] != limit {
			t.Errorf("%s: got %v %+v", setting, err, e)
		}
	}
	one, two, three := dial(), dial(), dial()
	for _, cl := range []*client.Client{one, two, three} {
		if _, err := cl.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := dial().Health(t.Context())
	met(err, api.ReasonLimitExceeded, "max_connections", 3)
	if err := one.Call(t.Context(), "subscribe", api.SubscribeParams{}, nil); err != nil {
		t.Fatal(err)
	}
	met(one.Call(t.Context(), "subscribe", api.SubscribeParams{}, nil), api.ReasonLimitExceeded, "max_subscriptions", 1)
	_, err = two.LaunchSession(t.Context(), api.LaunchSessionParams{Query: api.Text(strings.Repeat("x", 5000))})
	met(err, api.ReasonParseError, "max_request_bytes", 4096)
}
