package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// hostile is what a prompt, a title or a path may hold.
const hostile = "x\nlevel=ERROR msg=\"all is lost\"\r\n{\"level\":\"ERROR\"}\x1b[2J\x1b]52;c;aGk=\x07\x1bP1q\x1b\\" +
	"\u009b31m\u0085\x7f\u202etxt\u2066\u2028\u2029\U000e0001\xff literally \\x1b[2J \\\\x1b[2J"

// colours are the sequences that the log itself uses on a terminal.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestLogLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	for _, format := range []LogFormat{LogText, LogJSON, LogAuto} {
		for _, terminal := range []bool{true, false} {
			var b bytes.Buffer
			log := newLoggerOn(&b, Config{LogFormat: format, LogLevel: slog.LevelDebug}, terminal)
			log = log.With("client", hostile).WithGroup("g")
			log.Info("one", "title", hostile)
			log.Error("two", "error", fmt.Errorf("open %s: %w", hostile, errors.New(hostile)))
			log.Debug("three", "any", []string{hostile}, "group", slog.GroupValue(slog.String("in", hostile)))
			out := b.String()
			if n := strings.Count(out, "\n"); n != 3 {
				t.Errorf("%s, terminal %v: %d lines:\n%s", format, terminal, n, out)
			}
			if terminal && format != LogJSON {
				out = colours.ReplaceAllString(out, "")
			}
			for _, r := range strings.ReplaceAll(out, "\n", "") {
				if !unicode.IsPrint(r) {
					t.Errorf("%s, terminal %v: the log has %U:\n%q", format, terminal, r, out)
					break
				}
			}
			if !strings.Contains(out, "all is lost") {
				t.Errorf("%s, terminal %v: nothing of it is left", format, terminal)
			}
		}
	}
}

// What is escaped is still there for whoever reads the log as JSON.
func TestJSONLogKeepsItsMeaning(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	title := "x\n\u009b\u202e\U000e0001\u2028"
	newLogger(&b, Config{LogFormat: LogJSON}).Info("one", "title", title)
	var line struct{ Title string }
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || line.Title != title {
		t.Errorf("%q, %v", line.Title, err)
	}
}

func TestTheLogFileIsBoundedWhateverIsLogged(t *testing.T) {
	t.Parallel()
	const limit = 4 << 10
	path := filepath.Join(t.TempDir(), "log")
	b, err := openBounded(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sizes := []int{limit, 1, limit - 1, 1, limit + 1, 10 * limit, 100, limit - 100, 1}
	kept := []int{limit, 1, limit, 1, limit, limit, 100, limit, 1} // in the file behind each
	for i, size := range sizes {
		line := append(bytes.Repeat([]byte("x"), size-1), '\n')
		if n, err := b.Write(line); err != nil || n != size {
			t.Fatalf("%d, %v", n, err)
		}
		now, err1 := os.ReadFile(path)
		old, err2 := os.ReadFile(path + ".1")
		if i == 0 && errors.Is(err2, os.ErrNotExist) {
			err2 = nil
		}
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if len(now) != kept[i] || len(old) > limit || !bytes.HasSuffix(now, []byte("\n")) {
			t.Errorf("behind line %d of %d bytes: %d bytes, %d before", i, size, len(now), len(old))
		}
	}
}
