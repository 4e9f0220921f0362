package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// reading is a transaction that reads: all its queries see one state.
type reading struct {
	querier
	conn *sql.Conn
}

// snapshot runs fn in a reading transaction.
func (s *Store) snapshot(ctx context.Context, fn func(*reading) error) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fault(err)
	}
	defer func() { err = fault(errors.Join(err, conn.Close())) }()
	// To begin and to end waits for nobody; a context that ends would need watching.
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	err = fn(&reading{tx, conn})
	return errors.Join(err, tx.Rollback())
}

// rows calls scan for every row of a query, until it returns false. It speaks to
// the driver itself, for what is read in thousands: package sql would make a row
// cost three times as much. The row is scan's until it returns, what is in it stays.
func (r *reading) rows(ctx context.Context, query string, args []any, scan func(row []driver.Value) (more bool)) error {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: value}
	}
	return r.conn.Raw(func(c any) error {
		queryer, ok := c.(driver.QueryerContext)
		if !ok {
			return fmt.Errorf("the driver's %T takes no query", c)
		}
		// No context that the driver would look at behind every row.
		rows, err := queryer.QueryContext(context.WithoutCancel(ctx), query, named)
		if err != nil {
			return fault(err)
		}
		return fault(errors.Join(scanRows(ctx, rows, scan), rows.Close()))
	})
}

func scanRows(ctx context.Context, rows driver.Rows, scan func(row []driver.Value) (more bool)) error {
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case !scan(row):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// integer, text and blob read a column; what is NULL is zero.

func integer(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}

func text(v driver.Value) string {
	s, _ := v.(string)
	return s
}

func blob(v driver.Value) []byte {
	b, _ := v.([]byte)
	return b
}
