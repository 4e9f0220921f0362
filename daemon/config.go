package daemon

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/session"
)

// Config is what a daemon needs to know. Load fills in the first part, and
// whoever runs the daemon the second.
type Config struct {
	StateDir    string     // absolute; made if missing
	Socket      string     // absolute path of the Unix socket
	Claude      string     // path or name of the claude to run; "": the one on PATH
	LogLevel    slog.Level // least severe level that is logged
	LogFormat   LogFormat
	MaxSessions int // limit of sessions with a live process, more are queued; 0: no limit

	DailyBudgetUSD  float64       // over it nothing new is launched or sent until midnight UTC; 0: no limit
	MaxJournalBytes int64         // at most so much of what a session has printed may wait for the database; 0: no limit
	SessionTimeout  time.Duration // ends sessions of terminals of which nothing is heard for so long; 0: never
	IdleTimeout     time.Duration // ends interactive sessions that wait for a message so long; 0: never

	ProfileDir string // where SIGUSR2 writes profiles; "": nowhere

	Bounds

	Retention session.Retention // what is pruned by itself, and where archives go

	Summaries      session.Summaries // what is summarised by itself, and how; without its Redactor
	Jobs           session.Jobs      // bounds of the queue of jobs
	RedactPatterns string            // what is removed from text before it is summarised; see redact.Parse

	LockDir string // directory of the conversations' locks, one for all daemons of a user

	Version    string   // what health says
	Executable string   // the sessiond program, for the shims
	Environ    []string // the daemon's own environment, for sessions that bring none
	Background bool     // log to DaemonLog instead of standard error
	Ready      func()   // called once clients are answered; may be nil

	Inherited []*os.File          // listening sockets that whoever started the process has handed over; Run closes them
	Notify    func(status string) // tells whoever supervises the daemon how it is, in the words of sd_notify(3); may be nil
	Watchdog  time.Duration       // how long the supervisor may hear nothing before it ends the daemon; 0: for ever

	privateSocketDir bool              // the socket's directory is the daemon's own
	given            map[string]string // settings of flags and environment, made absolute
	origins          []Origin
}

// LogFormat is the form of the log.
type LogFormat string

// The forms of the log.
const (
	LogAuto LogFormat = "auto" // text on a terminal, JSON elsewhere
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// DaemonLog returns the file that a daemon in the background logs to.
func (c Config) DaemonLog() string { return filepath.Join(c.StateDir, "daemon.log") }

// Setting is one thing that flags, the environment and the file can set.
type Setting struct {
	Key     string // in the file, and in the names of the others
	Usage   string // one line for --help
	path    bool   // a path: relative to where the command was called
	private bool   // its value is shown to nobody
	apply   func(c *Config, value string) error
}

// Flag returns the name of the setting's flag, without dashes.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Key, "_", "-") }

// Env returns the name of the setting's environment variable.
func (s Setting) Env() string { return "SESSIOND_" + strings.ToUpper(s.Key) }

// Settings lists everything that can be set.
func Settings() []Setting { return slices.Clone(settings) }

var settings = slices.Concat(usualSettings, boundSettings, retentionSettings, summarySettings)

var usualSettings = []Setting{
	{
		Key: "state_dir", Usage: "directory of the daemon's files (default $XDG_STATE_HOME/sessiond)", path: true,
		apply: func(c *Config, v string) error { c.StateDir = filepath.Clean(v); return nil },
	},
	{
		Key: "socket", Usage: "the daemon's Unix socket (default: see 'sessiond help files')", path: true,
		apply: func(c *Config, v string) error { c.Socket = filepath.Clean(v); return nil },
	},
	{
		Key: "claude", Usage: "the claude program of new sessions (default: the one on PATH)",
		apply: func(c *Config, v string) error { c.Claude = v; return nil },
	},
	{
		Key: "log_level", Usage: "least severe level that is logged: debug, info, warn or error (default info)",
		apply: applyLogLevel,
	},
	{
		Key: "log_format", Usage: "form of the log: auto, text or json (default auto)",
		apply: applyLogFormat,
	},
	{
		Key: "max_sessions", Usage: "limit of live sessions, more are queued (default 0: no limit)",
		apply: applyMaxSessions,
	},
	{
		Key: "daily_budget_usd", Usage: "US dollars over which nothing new is launched or sent until midnight UTC (default 0: no limit)",
		apply: applyDailyBudget,
	},
	{
		Key: "idle_timeout", Usage: "how long an interactive session may wait for a message before it is ended, such as 45m or 2h; 0: for ever (default 30m)",
		apply: applyIdleTimeout,
	},
	{
		Key: "session_timeout", Usage: "how long nothing may be heard of a session in a terminal before it counts as ended, such as 36h; 0: for ever (default 24h)",
		apply: applySessionTimeout,
	},
	{
		Key: "max_journal_bytes", Usage: "bytes of a session's output that may wait for the database before it is paused, from 1073741824 up; 0: no limit (default 1073741824, 1 GiB)",
		apply: applyMaxJournal,
	},
	{
		Key: "profile_dir", Usage: "directory into which SIGUSR2 has profiles written: CPU for ten seconds, heap, goroutines (default: none are)", path: true,
		apply: func(c *Config, v string) error { c.ProfileDir = filepath.Clean(v); return nil },
	},
}

func applyLogLevel(c *Config, v string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[v]
	if !ok {
		return fmt.Errorf("%q is not debug, info, warn or error", v)
	}
	c.LogLevel = level
	return nil
}

func applyLogFormat(c *Config, v string) error {
	c.LogFormat = LogFormat(v)
	if !slices.Contains([]LogFormat{LogAuto, LogText, LogJSON}, c.LogFormat) {
		return fmt.Errorf("%q is not auto, text or json", v)
	}
	return nil
}

func applyMaxSessions(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number from 0 up", v)
	}
	c.MaxSessions = n
	return nil
}

func applyDailyBudget(c *Config, v string) error {
	usd, err := strconv.ParseFloat(v, 64)
	if err != nil || !(usd >= 0) || math.IsInf(usd, 0) {
		return fmt.Errorf("%q is not an amount from 0 up", v)
	}
	c.DailyBudgetUSD = usd
	return nil
}

// defaultIdleTimeout is long enough for a lunch break with a question open in
// between, and short enough that forgotten sessions do not pile up.
const defaultIdleTimeout = 30 * time.Minute

func applyIdleTimeout(c *Config, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration from 0 up, such as 45m", v)
	}
	c.IdleTimeout = d
	return nil
}

// defaultSessionTimeout is a day: whoever has not come back to his terminal by then
// begins anew, and what he says there still goes on with the conversation.
const defaultSessionTimeout = 24 * time.Hour

func applySessionTimeout(c *Config, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration from 0 up, such as 36h", v)
	}
	c.SessionTimeout = d
	return nil
}

// defaultMaxJournal is more than a session prints in a day, and the least that
// there may be: a line has to fit in, which may have half of that.
const defaultMaxJournal = 1 << 30

func applyMaxJournal(c *Config, v string) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n != 0 && n < defaultMaxJournal {
		return fmt.Errorf("%q is neither 0 nor a number from %d up", v, defaultMaxJournal)
	}
	c.MaxJournalBytes = n
	return nil
}
