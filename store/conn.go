package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// conn is one connection without a pool, used by one goroutine. It speaks to
// the driver itself: the writer's path is short, and no context that could be
// cancelled makes the driver start a goroutine for every statement.
type conn struct{ driver driver.Conn }

// preparedStmt is what the driver's statements are.
type preparedStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// stmt is a prepared statement of a conn; its place for arguments is used again.
type stmt struct {
	prepared preparedStmt
	args     []driver.NamedValue
}

// prepare compiles a query.
func (c *conn) prepare(query string) (*stmt, error) {
	s, err := c.driver.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, fault(err))
	}
	prepared, ok := s.(preparedStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's %T takes no context", s), s.Close())
	}
	args := make([]driver.NamedValue, s.NumInput())
	for i := range args {
		args[i].Ordinal = i + 1
	}
	return &stmt{prepared: prepared, args: args}, nil
}

// close ends the connection; its statements have been closed before.
func (c *conn) close() error { return c.driver.Close() }

// run compiles and executes a query without arguments.
func (c *conn) run(query string) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	_, err = s.row(nil)
	return errors.Join(err, s.close())
}

// change compiles and executes a query with arguments.
func (c *conn) change(query string, args ...driver.Value) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	_, err = s.exec(args...)
	return errors.Join(err, s.close())
}

// runUntil executes a query without arguments that may take long, and interrupts
// it when ctx ends.
func (c *conn) runUntil(ctx context.Context, query string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	_, err = s.prepared.ExecContext(ctx, s.args)
	return fault(errors.Join(err, s.close()))
}

// number runs a query without arguments whose answer is a number.
func (c *conn) number(query string) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	row := make([]driver.Value, 1)
	_, err = s.row(row)
	n, _ := row[0].(int64)
	return n, errors.Join(err, s.close())
}

// bind sets all arguments: []byte, string, int64 or nil.
func (s *stmt) bind(values []driver.Value) {
	for i, v := range values {
		s.args[i].Value = v
	}
}

// exec executes the statement and returns what it changed.
func (s *stmt) exec(values ...driver.Value) (driver.Result, error) {
	s.bind(values)
	return s.execBound()
}

// execBound executes the statement with the arguments that stand in s.args.
func (s *stmt) execBound() (driver.Result, error) {
	r, err := s.prepared.ExecContext(context.Background(), s.args)
	return r, fault(err)
}

// change is exec that returns how many rows it changed.
func (s *stmt) change(values ...driver.Value) (int64, error) {
	r, err := s.exec(values...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row queries and reads the first row into dest; ok is false if there is none.
func (s *stmt) row(dest []driver.Value, values ...driver.Value) (ok bool, err error) {
	s.bind(values)
	rows, err := s.prepared.QueryContext(context.Background(), s.args)
	if err != nil {
		return false, fault(err)
	}
	if dest == nil {
		dest = make([]driver.Value, len(rows.Columns()))
	}
	switch err = rows.Next(dest); {
	case errors.Is(err, io.EOF):
		err = nil
	case err == nil:
		ok = true
	}
	return ok, fault(errors.Join(err, rows.Close()))
}

// drain runs the statement to its end, whatever its rows hold, and counts them.
func (s *stmt) drain(values ...driver.Value) (n int, err error) {
	s.bind(values)
	rows, err := s.prepared.QueryContext(context.Background(), s.args)
	if err != nil {
		return 0, fault(err)
	}
	dest := make([]driver.Value, len(rows.Columns()))
	for err = rows.Next(dest); err == nil; err = rows.Next(dest) {
		n++
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, fault(errors.Join(err, rows.Close()))
}

// close frees the statement.
func (s *stmt) close() error { return s.prepared.Close() }
