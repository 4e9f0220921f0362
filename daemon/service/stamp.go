package service

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// Condition is how a file stands to what install has written.
type Condition string

// The conditions of a file.
const (
	Absent  Condition = "absent"
	Ours    Condition = "as installed"
	Changed Condition = "changed by hand" // or written by somebody else
)

// stampText begins the line that says what the rest of a file was when it was
// written. It is the last one: XML wants another one to be the first.
const stampText = "written by 'sessiond service install', which leaves the file alone once it is changed; sha256 "

// stamped adds the stamp to a content, as a comment between these marks.
func stamped(content, open, end string) string {
	return content + open + stampText + digest(content) + end + "\n"
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// conditionOf tells whether a content is as it was written, by whichever version.
func conditionOf(content string) Condition {
	i := strings.LastIndex(strings.TrimSuffix(content, "\n"), "\n") + 1
	_, sum, found := strings.Cut(content[i:], stampText)
	if found && strings.HasPrefix(sum, digest(content[:i])) {
		return Ours
	}
	return Changed
}

// read reads a file of a service manager's.
func read(path string) (content string, c Condition, err error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", Absent, nil
	case err != nil:
		return "", "", err
	}
	return string(b), conditionOf(string(b)), nil
}

// write writes a file that is there whole or not at all, and makes its directory.
func (f File) write() error {
	dir := filepath.Dir(f.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- as systemd's own commands make it: there are no secrets in it
		return err
	}
	return renameio.WriteFile(f.Path, []byte(f.Content), 0o644, renameio.WithTempDir(dir)) // #nosec G306 -- the same
}
