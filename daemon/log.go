package daemon

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// daemonLog is the daemon's logger, with the file behind it.
type daemonLog struct {
	*slog.Logger
	file *boundedFile // nil: standard error
}

// openLog makes the daemon's logger.
func openLog(c Config) (*daemonLog, error) {
	if !c.Background {
		return &daemonLog{Logger: newLogger(os.Stderr, c)}, nil
	}
	f, err := openBounded(c.DaemonLog(), c.maxLog())
	if err != nil {
		return nil, err
	}
	return &daemonLog{newLogger(f, c), f}, nil
}

// Close closes the file.
func (l *daemonLog) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// problem is what a person is to be told: the last line was not written; "" if
// it was.
func (l *daemonLog) problem() string {
	if l.file == nil {
		return ""
	}
	l.file.mu.Lock()
	defer l.file.mu.Unlock()
	if l.file.err == nil {
		return ""
	}
	return fmt.Sprintf("the daemon's log cannot be written, and its lines are lost (%v): make room, or make the file writable", l.file.err)
}

// newLogger logs to w: text in colours on a terminal, JSON elsewhere, unless
// the configuration says otherwise.
func newLogger(w io.Writer, c Config) *slog.Logger {
	f, ok := w.(*os.File)
	return newLoggerOn(w, c, ok && isatty.IsTerminal(f.Fd()))
}

func newLoggerOn(w io.Writer, c Config, terminal bool) *slog.Logger {
	if c.LogFormat == LogText || c.LogFormat == LogAuto && terminal {
		noColor := !terminal || os.Getenv("NO_COLOR") != ""
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: c.LogLevel, NoColor: noColor, ReplaceAttr: withoutEscapes}))
	}
	return slog.New(slog.NewJSONHandler(escaped{w}, &slog.HandlerOptions{Level: c.LogLevel}))
}

// withoutEscapes keeps values from giving the terminal orders. Where it may use
// colours, tint lets escape sequences through; it quotes everything else.
func withoutEscapes(_ []string, a slog.Attr) slog.Attr {
	s := a.Value.Resolve().String()
	if harmless := escapes.Replace(s); harmless != s {
		a.Value = slog.StringValue(harmless)
	}
	return a
}

// escapes replaces the character, and what tint takes for one that it has quoted.
var escapes = strings.NewReplacer("\x1b", "\u241b", `\x1b`, `\X1b`)

// escaped writes JSON without what is not meant to be seen: control characters that
// JSON need not escape, but a terminal may obey, and marks that turn the direction
// of writing. The text handler quotes these itself.
type escaped struct{ w io.Writer }

// Write writes a line. The count is that of p.
func (e escaped) Write(p []byte) (int, error) {
	if hidden := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }; bytes.ContainsFunc(p, hidden) {
		var line []byte
		for _, r := range string(p) {
			if hidden(r) {
				line = append(line, jsonEscape(r)...)
			} else {
				line = utf8.AppendRune(line, r)
			}
		}
		if _, err := e.w.Write(line); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return e.w.Write(p)
}

// jsonEscape is r in a string of JSON.
func jsonEscape(r rune) string {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// boundedFile is a log file that does not grow without end: at its limit it begins
// anew, and the one before is kept, so the two take twice the limit at most. A line
// that is longer is cut. The content is moved away by copying, not by renaming: the standard error of the process is
// the same file, and what the Go runtime writes at a crash has to be found.
type boundedFile struct {
	limit int64

	mu   sync.Mutex // guards what follows
	f    *os.File
	size int64
	err  error // of the last write
}

func openBounded(path string, limit int64) (*boundedFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil {
		err = f.Chmod(0o600)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &boundedFile{limit: limit, f: f, size: fi.Size()}, nil
}

// Write appends p, and makes room before if it has to.
func (b *boundedFile) Write(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.err = err }()
	whole := len(p)
	if int64(len(p)) > b.limit {
		p = append(p[:b.limit-1:b.limit-1], '\n')
	}
	if b.size > 0 && b.size+int64(len(p)) > b.limit {
		if err := b.rotateLocked(); err != nil {
			return 0, fmt.Errorf("rotate %s: %w", b.f.Name(), err)
		}
	}
	n, err = b.f.Write(p)
	b.size += int64(n)
	if err != nil {
		return n, err
	}
	return whole, nil
}

// rotateLocked copies the content to PATH.1 and empties the file.
func (b *boundedFile) rotateLocked() error {
	old, err := os.OpenFile(b.f.Name()+".1", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := old.Chmod(0o600); err != nil {
		_ = old.Close()
		return err
	}
	_, err = io.Copy(old, io.NewSectionReader(b.f, 0, math.MaxInt64))
	if closeErr := old.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	b.size = 0
	return b.f.Truncate(0)
}

// Close closes the file.
func (b *boundedFile) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.f.Close()
}
