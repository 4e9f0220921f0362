// Package daemon starts and stops a sessiond daemon: its configuration, its
// directories, its lock, its socket, its log, and the wiring of the rooms.
//
// [Load] makes a [Config] out of flags, the environment and a TOML file, in
// this order of precedence. [Run] is the daemon: it returns when its context
// ends and everything that it started has been waited for. Sessions are not
// among that: their processes live on, and the next daemon takes them up.
//
// A state directory has one daemon. Run holds a flock on the file "lock" in it
// for as long as it lives; the file is never unlinked, for a lock on a file
// that has lost its name locks nobody out. A socket has one daemon too, which
// holds a flock on the file beside it, "SOCKET.lock": two daemons of different
// state directories may have been told the same one.
package daemon
