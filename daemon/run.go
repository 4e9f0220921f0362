package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Run is the daemon. It returns nil once ctx has ended and everything that was
// started has been waited for, and an error when it cannot begin or go on: a
// *RunningError where another daemon has the state directory or the socket.
// It changes the process's idea of nothing: two can run in one process.
func Run(ctx context.Context, c Config) (err error) {
	defer c.closeInherited()
	if err := c.fitToFiles(); err != nil {
		return err
	}
	if err := MakeStateDir(c); err != nil {
		return err
	}
	if err := makePrivate(c.LockDir); err != nil {
		return fmt.Errorf("directory of the conversations' locks: %w", err)
	}
	lock, err := lockStateInTurn(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := c.finishRestore(); err != nil {
		return err
	}

	log, err := openLog(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()

	log.Info("daemon starts", "version", c.Version, "pid", os.Getpid(), "state_dir", c.StateDir, "socket", c.Socket,
		"max_connections", c.MaxConnections)
	if err := serve(ctx, c, log); err != nil {
		return err // whoever has called tells the user, or the log of a daemon in the background
	}
	log.Info("daemon stopped")
	return nil
}

// serve opens the rooms, then the socket, and answers clients until ctx ends.
// What is opened last is closed first.
func serve(ctx context.Context, c Config, log *daemonLog) (err error) {
	defer steadyHeap()()
	defer logFigures(log.Logger)()
	defer profile(c.ProfileDir, log.Logger)()

	c.tell("STATUS=opening the database")
	r, err := openRooms(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	defer context.AfterFunc(ctx, r.store.Hurry)()

	s, err := listen(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.release()) }()

	c.tell("STATUS=taking up the sessions")
	switch err := r.manager.Start(ctx); {
	case err != nil && ctx.Err() != nil:
		return nil // told to stop before it was ready
	case err != nil:
		return fmt.Errorf("take up the sessions: %w", err)
	}
	if c.Ready != nil {
		c.Ready()
	}
	defer c.report(ctx, r.manager.Health)()
	return r.server.Serve(ctx, s)
}

// databasePath is where the log of events lies.
func (c Config) databasePath() string { return filepath.Join(c.StateDir, "sessiond.db") }
