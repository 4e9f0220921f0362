package rpc

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
)

// libraryLog lets the JSON-RPC library log where the server does.
type libraryLog struct{ log *slog.Logger }

// Printf logs what the library has to say.
func (l libraryLog) Printf(format string, args ...any) {
	l.log.Debug("jsonrpc2", "message", fmt.Sprintf(format, args...))
}

// disconnected reports whether err only says that the client has left.
func disconnected(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
