package daemon

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/sessiond/sessiond/session/shim"
)

// MakeStateDir makes the state directory, private to this user, or says why it
// cannot be used.
func MakeStateDir(c Config) error {
	if err := makePrivate(c.StateDir); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	return nil
}

// makePrivate makes dir, and what is missing above it, with mode 0700 whatever
// the umask. A directory that is there must be safe, and is closed to others.
func makePrivate(dir string) error {
	if err := shim.PrivateDir(dir); err != nil {
		return err
	}
	fi, err := checkOwned(dir)
	if err != nil {
		return err
	}
	if fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written to by others (mode %04o): run 'chmod 700 %s' if nobody has tampered with it, or choose another directory",
			dir, fi.Mode().Perm(), dir)
	}
	if err := checkAbove(dir); err != nil {
		return err
	}
	if fi.Mode().Perm() == 0o700 {
		return nil
	}
	return os.Chmod(dir, 0o700) // #nosec G302 -- it is a directory
}

// checkOwned makes sure that dir is a directory of this user's, and not a
// symbolic link that somebody else may point elsewhere.
func checkOwned(dir string) (fs.FileInfo, error) {
	link, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	for _, i := range []fs.FileInfo{link, fi} {
		if uid := ownerOf(i); uid != os.Getuid() {
			what := "directory"
			if i.Mode()&fs.ModeSymlink != 0 {
				what = "symbolic link"
			}
			return nil, fmt.Errorf("%s is a %s of another user (uid %d): choose another directory", dir, what, uid)
		}
	}
	return fi, nil
}

// makeSocketDir makes the directory of a socket whose path was chosen by the
// user. It may be a shared one such as /tmp, where the sticky bit keeps others
// from taking the socket away; its mode is left as it is.
func makeSocketDir(dir string) error {
	err := shim.PrivateDir(dir)
	if err == nil {
		err = checkPath(dir, false)
	}
	if err == nil {
		err = checkAbove(dir)
	}
	if err != nil {
		return fmt.Errorf("directory of the socket: %w", err)
	}
	return nil
}

// maxLinks is how many symbolic links a path may have; Linux allows as many.
const maxLinks = 40

// checkAbove makes sure that nobody but this user and root can put something else
// in the place of dir: it goes the kernel's way there, link by link, and every
// directory in which a name is looked up, and every link, has to be safe.
func checkAbove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	const root = string(filepath.Separator)
	at, rest, links := root, strings.Split(dir, root), 0 // at has no links
	for len(rest) > 0 {
		name := rest[0]
		if rest = rest[1:]; name == "" {
			continue
		}
		if err := checkPath(at, true); err != nil {
			return err
		}
		next := filepath.Join(at, name) // ".." too
		fi, err := os.Lstat(next)
		if err != nil {
			return err
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if uid := ownerOf(fi); uid != os.Getuid() && uid != 0 {
			return anothers(next, uid)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return err
		}
		if links++; links > maxLinks {
			return fmt.Errorf("%s has too many symbolic links", dir)
		}
		if filepath.IsAbs(target) {
			at = root
		}
		rest = append(strings.Split(target, root), rest...)
	}
	return nil
}

// checkPath makes sure that only this user and root can change what lies in a
// directory, or where a symbolic link leads. The sticky bit lets others only add to
// it. Where groups are tolerated, one that is a single user's own is that user.
func checkPath(path string, groups bool) error {
	link, err := os.Lstat(path)
	if err != nil {
		return err
	}
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	for _, i := range []fs.FileInfo{link, fi} {
		if uid := ownerOf(i); uid != os.Getuid() && uid != 0 {
			return anothers(path, uid)
		}
	}
	open := fi.Mode().Perm() & 0o022
	if open == 0 || fi.Mode()&fs.ModeSticky != 0 || groups && open == 0o020 && privateGroup(fi) {
		return nil
	}
	return fmt.Errorf("%s can be written to by others (mode %04o): run 'chmod go-w %s' if nobody has tampered with what lies in it, or choose another directory",
		path, fi.Mode().Perm(), path)
}

func anothers(path string, uid int) error {
	return fmt.Errorf("%s belongs to another user (uid %d), who can put something else in its place: choose another directory", path, uid)
}

// privateGroup reports whether a file's group is its owner's own, which many
// systems give each user, with the same name.
func privateGroup(fi fs.FileInfo) bool {
	owner, err := user.LookupId(strconv.Itoa(ownerOf(fi)))
	if err != nil {
		return false
	}
	group, err := user.LookupGroupId(strconv.Itoa(int(fi.Sys().(*syscall.Stat_t).Gid)))
	return err == nil && group.Name == owner.Username
}

func ownerOf(fi fs.FileInfo) int {
	return int(fi.Sys().(*syscall.Stat_t).Uid)
}
