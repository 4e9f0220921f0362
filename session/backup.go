package session

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sessiond/sessiond/rpc/api"
)

// Backup copies the database to a file that does not exist yet, for this user's
// eyes alone, while sessions go on. What was told of before the call is in it.
func (m *Manager) Backup(ctx context.Context, p api.BackupParams) (api.BackupResult, error) {
	result := api.BackupResult{Path: p.Path, HeadSeq: m.store.Head()}
	if !filepath.IsAbs(p.Path) {
		return result, api.InvalidParams("path", "%q is not an absolute path", p.Path)
	}
	copying := m.works.begin(api.WorkBackup, p.Path, "copying the database")
	defer copying.end()
	err := m.store.Backup(ctx, p.Path, func(done, total int) {
		if done < total {
			copying.tell("copying the database", int64(done), int64(total), "")
		} else {
			copying.tell("checking the copy", 0, 0, "") // nobody knows how long that takes
		}
	})
	var refused *fs.PathError
	var unnamed *os.LinkError
	switch {
	case errors.Is(err, fs.ErrExist):
		return result, api.InvalidParams("path", "%s is there already: choose another name", p.Path)
	case errors.As(err, &refused):
		return result, api.InvalidParams("path", "%v", refused)
	case errors.As(err, &unnamed):
		return result, api.InvalidParams("path", "%s cannot be given to the copy: %v", p.Path, unnamed.Err)
	case err != nil:
		return result, m.closing(err)
	}
	fi, err := os.Stat(p.Path)
	if err != nil {
		return result, err
	}
	result.Bytes = fi.Size()
	return result, nil
}
