package daemon

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// retentionSettings say what the daemon prunes by itself, and where to.
var retentionSettings = []Setting{
	{
		Key: "prune_after", Usage: "archive and delete sessions in which nothing has happened for so long, such as 90d; 0: never (default 0)",
		apply: func(c *Config, v string) (err error) { c.Retention.After, err = ParseAge(v); return err },
	},
	{
		Key: "max_database_bytes", Usage: "archive and delete the oldest sessions while the database holds more, such as 10GB; 0: no limit (default 0)",
		apply: func(c *Config, v string) (err error) { c.Retention.MaxBytes, err = parseBytes(v); return err },
	},
	{
		Key: "archive_dir", Usage: "directory of the archives (default: archive in the state directory)", path: true,
		apply: func(c *Config, v string) error { c.Retention.ArchiveDir = filepath.Clean(v); return nil },
	},
}

// ParseAge parses a length of time in days and weeks, "30d" or "2w", or any
// other that time.ParseDuration knows; it is 0 or more.
func ParseAge(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a length of time from 0 up, such as 12h, 30d or 2w", text)
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		number, ok := strings.CutSuffix(text, unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil || n < 0 || n > int64(maxAge/length) {
			return 0, wrong
		}
		return time.Duration(n) * length, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxAge {
		return 0, wrong
	}
	return d, nil
}

// maxAge is longer than anybody keeps anything, and far from what a Duration holds.
const maxAge = 100 * 365 * 24 * time.Hour

func parseBytes(text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > 1<<62 {
		return 0, fmt.Errorf("%q is not a number of bytes from 0 up, such as 500MB or 10GiB", text)
	}
	return int64(n), nil
}
