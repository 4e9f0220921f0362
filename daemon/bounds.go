package daemon

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"syscall"

	"github.com/sessiond/sessiond/rpc"
)

// Bounds are how much clients, and what they provoke, may take. Zero means the
// default.
type Bounds struct {
	MaxConnections    int64 // at once
	MaxRequests       int64 // at work at once on one connection
	MaxSubscriptions  int64 // at once on one connection
	MaxQueuedBytes    int64 // that wait to be sent on one connection
	MaxRequestBytes   int64 // in one request
	MaxPendingBytes   int64 // in long requests of all connections; 8 times MaxRequestBytes
	MaxInbox          int64 // messages that wait in one session
	MaxInboxBytes     int64 // in them
	MaxQueuedSessions int64 // that wait for one of Config.MaxSessions
	MaxLineBytes      int64 // in a line of Claude Code's that is taken in whole
	MaxLogBytes       int64 // in DaemonLog before it begins anew; the one before is kept
}

// defaultMaxLog is days of a busy daemon at the usual level.
const defaultMaxLog = 8 << 20

// Bounds of max_line_bytes: an image that was read comes on one line, and two of
// the longest have to fit the least max_journal_bytes.
const (
	minLine = 1 << 20
	maxLine = defaultMaxJournal / 2
)

// boundSettings are the settings of Bounds. The least values are what a client of
// ours needs to work at all.
var boundSettings = []Setting{
	bound("max_connections", "connections of clients at once (default 16384, or 3/4 of the open files that the daemon may have)",
		1, math.MaxInt32, func(c *Config) *int64 { return &c.MaxConnections }),
	bound("max_requests", "requests at work at once on a connection; those beyond wait (default 64)",
		1, math.MaxInt32, func(c *Config) *int64 { return &c.MaxRequests }),
	bound("max_subscriptions", "subscriptions at once on a connection (default 64)",
		1, math.MaxInt32, func(c *Config) *int64 { return &c.MaxSubscriptions }),
	bound("max_queued_bytes", "bytes that may wait to be sent on a connection; answers and events beyond wait (default 262144, 256 KiB)",
		4<<10, math.MaxInt32, func(c *Config) *int64 { return &c.MaxQueuedBytes }),
	bound("max_request_bytes", "bytes of a request (default 33554432, 32 MiB)",
		4<<10, math.MaxInt32, func(c *Config) *int64 { return &c.MaxRequestBytes }),
	bound("max_pending_bytes", "bytes of requests longer than 64 KiB that are on their way or at work, of all connections (default 8 times max_request_bytes)",
		4<<10, math.MaxInt64, func(c *Config) *int64 { return &c.MaxPendingBytes }),
	bound("max_inbox", "messages that may wait in a session (default 1000)",
		1, math.MaxInt32, func(c *Config) *int64 { return &c.MaxInbox }),
	bound("max_inbox_bytes", "bytes of the messages that may wait in a session, its first prompt too (default 67108864, 64 MiB)",
		4<<10, math.MaxInt64, func(c *Config) *int64 { return &c.MaxInboxBytes }),
	bound("max_queued_sessions", "sessions that may wait for one of max_sessions (default 1000)",
		1, math.MaxInt32, func(c *Config) *int64 { return &c.MaxQueuedSessions }),
	bound("max_line_bytes", "bytes of a line of Claude Code's that is understood; a longer one is kept in pieces (default 67108864, 64 MiB)",
		minLine, maxLine, func(c *Config) *int64 { return &c.MaxLineBytes }),
	bound("max_log_bytes", "bytes of daemon.log at which it begins anew; the one before is kept as daemon.log.1 (default 8388608, 8 MiB)",
		4<<10, math.MaxInt64, func(c *Config) *int64 { return &c.MaxLogBytes }),
}

// bound is a setting that is a whole number between least and most.
func bound(key, usage string, least, most int64, field func(*Config) *int64) Setting {
	return Setting{Key: key, Usage: usage, apply: func(c *Config, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a number from %d to %d", v, least, most)
		}
		*field(c) = n
		return nil
	}}
}

// otherFiles are the descriptors that a daemon needs beside its connections, with
// a few sessions.
const otherFiles = 256

// fitToFiles makes MaxConnections fit the limit of open files, which Go has raised
// as far as it may be. A bound that was asked for and does not fit is an error.
func (c *Config) fitToFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	files := int64(min(limit.Cur, math.MaxInt32)) // #nosec G115 -- it is no more than MaxInt32
	if c.MaxConnections == 0 {
		c.MaxConnections = min(rpc.DefaultMaxConnections, max(files*3/4, 1))
		return nil
	}
	if need := c.MaxConnections + otherFiles; need > files {
		return &ConfigError{"max_connections", fmt.Errorf("%d connections need %d open files, and this process may have %d: "+
			"raise the limit (ulimit -Hn, or LimitNOFILE= of a systemd unit), or lower max_connections to %d",
			c.MaxConnections, need, files, max(files-otherFiles, 1))}
	}
	return nil
}

// maxLog is the size at which the log begins anew.
func (c *Config) maxLog() int64 { return cmp.Or(c.MaxLogBytes, defaultMaxLog) }
