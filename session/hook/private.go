package hook

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/redact"
	"github.com/sessiond/sessiond/session/shim"
)

// patternsName is the file in the spool that says what is private.
const patternsName = "redact_patterns"

// HasPatterns reports whether the command was told what is private.
func HasPatterns(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, patternsName))
	return err == nil
}

// KeepPatterns has every call of the command know what is private, from now on and
// whether a daemon runs or not: patterns are as redact.Parse takes them. The spool
// is made if need be.
func KeepPatterns(dir, patterns string) error {
	path := filepath.Join(dir, patternsName)
	if patterns == "" {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := shim.PrivateDir(dir); err != nil {
		return err
	}
	whole := strings.TrimSuffix(patterns, "\n") + "\n" // its end shows that it is
	return renameio.WriteFile(path, []byte(whole), 0o600, renameio.IgnoreUmask(), renameio.WithTempDir(dir))
}

// without returns an input without what is private. Where that cannot be told by then,
// all of its texts are taken for that, and it is withheld: nothing is stored that nobody
// has looked through, and Claude Code's transcript has the texts for the daemon to read.
func without(dir string, input []byte, then time.Time) (clean []byte, withheld bool) {
	looked := make(chan []byte, 1) // nobody may be there any more
	go func() {                    // ends with the process, if need be
		defer close(looked)
		if tooLong(len(input), time.Until(then)) {
			return
		}
		if r, err := redactor(dir); err == nil {
			looked <- claude.RewriteHook(input, r.JSON)
		}
	}()
	select {
	case clean, ok := <-looked:
		if ok {
			return clean, false
		}
	case <-time.After(time.Until(then)):
	}
	return claude.WithholdHook(input, redact.MarkJSON()), true
}

// tooLong reports whether an input is too long to be looked through in a time, whatever
// the patterns: then all of that is for what takes no look.
func tooLong(size int, left time.Duration) bool {
	const most = 128 << 10 // bytes in a millisecond
	return int64(size) > left.Milliseconds()*most
}

// redactor knows what the daemon that ran last has called private, or whoever has
// installed the hooks before there was one.
func redactor(dir string) (*redact.Redactor, error) {
	patterns, err := os.ReadFile(filepath.Join(dir, patternsName)) // #nosec G304 -- the spool
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !strings.HasSuffix(string(patterns), "\n"): // the power failed as it was written
		return nil, errors.New("the end of the patterns is missing")
	}
	return redact.Parse(string(patterns))
}
