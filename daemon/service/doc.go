// Package service makes the daemon a service of the user's: a socket and a service
// unit of `systemd --user`, or an agent of launchd. It writes their files, has the
// service manager take them up, and tells how they stand.
//
// It knows files and the managers' own commands, and nothing of the daemon. A file
// that it has written bears a stamp, by which it knows whether somebody has changed
// it since; such a file is left alone.
package service
