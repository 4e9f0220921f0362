package rpc

import (
	"fmt"
	"net"
	"strconv"

	"github.com/tailscale/peercred"

	"github.com/sessiond/sessiond/rpc/api"
)

// admit names the process at the other end of a connection, and says why it is
// not let in, if it is not.
func (s *Server) admit(conn net.Conn) (client string, refusal *api.Error) {
	if s.o.UID < 0 {
		return "unknown", nil
	}
	peer, err := peercred.Get(conn)
	if err != nil {
		s.log.Error("cannot tell who connects", "error", err)
		return "unknown", invalidRequest("the daemon cannot tell which user you are")
	}
	client = "unknown"
	if pid, ok := peer.PID(); ok {
		client = fmt.Sprintf("pid %d", pid)
	}
	if uid, ok := peer.UserID(); !ok || uid != strconv.Itoa(s.o.UID) {
		return fmt.Sprintf("%s of user %q", client, uid), invalidRequest("this daemon serves another user")
	}
	return client, nil
}
