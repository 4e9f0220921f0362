package shim

import (
	"context"
	"net"
	"os"
	"path/filepath"
)

// dial connects to the socket of a directory. A socket's path is 103 bytes at
// most, a state directory's may be longer: the way goes through a short link.
func dial(ctx context.Context, dir string) (net.Conn, error) {
	var d net.Dialer
	if path := filepath.Join(dir, socketName); len(path) <= 103 {
		return d.DialContext(ctx, "unix", path)
	}
	tmp, err := os.MkdirTemp("/tmp", "shim")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	link := filepath.Join(tmp, "d")
	target, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Symlink(target, link); err != nil {
		return nil, err
	}
	return d.DialContext(ctx, "unix", filepath.Join(link, socketName))
}
