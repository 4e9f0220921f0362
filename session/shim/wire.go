package shim

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"syscall"
)

// The protocol on shim.sock, version 1.
//
// A shim outlives the program that started it, so newer programs meet older
// shims: whatever changes here, this version must stay understood.
//
// Every message is one JSON object on a line. The shim speaks first: one hello,
// sent when the child has started or could not be. Then the client sends
// requests, each answered once under its id, not always in order. Behind a
// `write` request come Size bytes: the line, without its newline. Unknown
// fields are ignored, unknown operations answered with an error. Of `write` and
// `close_input`, one may be under way on a connection at a time.
const protocolVersion = 1

// MaxLine bounds a line that is written to the child, in bytes.
const MaxLine = 64 << 20

// maxHeader bounds a request without the bytes behind it.
const maxHeader = 4 << 10

const (
	opWrite      = "write"
	opCloseInput = "close_input"
	opSignal     = "signal"
	opKill       = "kill"
)

const (
	refusedLocked  = "locked"
	refusedStarted = "started"
)

const (
	codeExited      = "exited"
	codeInputClosed = "input_closed"
	codeNotOneLine  = "not_one_line"
	codeBusy        = "busy"
	codeUnknown     = "unknown"
	codeFailed      = "failed"
)

type hello struct {
	Version    int         `json:"version"`
	Started    *Started    `json:"started,omitempty"`
	Refused    string      `json:"refused,omitempty"` // one of the refused words
	StartError *StartError `json:"start_error,omitempty"`
}

// result is what a hello says of the start.
func (h hello) result() (Started, error) {
	switch {
	case h.Version != protocolVersion:
		return Started{}, &VersionError{Version: h.Version}
	case h.Refused == refusedLocked:
		return Started{}, ErrLocked
	case h.Refused == refusedStarted:
		return Started{}, ErrStarted
	case h.StartError != nil:
		return Started{}, h.StartError
	case h.Started == nil:
		return Started{}, errors.New("the shim's first line says nothing")
	}
	return *h.Started, nil
}

type request struct {
	ID     uint64 `json:"id"`
	Op     string `json:"op"`
	Size   int    `json:"size,omitempty"`   // opWrite
	Signal int    `json:"signal,omitempty"` // opSignal
}

type answer struct {
	ID   uint64 `json:"id"`
	Code string `json:"code,omitempty"` // empty: done
	Text string `json:"text,omitempty"`
}

// err is the typed error that an answer stands for.
func (a answer) err() error {
	switch a.Code {
	case "":
		return nil
	case codeExited:
		return ErrExited
	case codeInputClosed:
		return ErrInputClosed
	case codeNotOneLine:
		return ErrNotOneLine
	}
	return fmt.Errorf("the shim refused (%s): %s", a.Code, a.Text)
}

// codeOf is the other direction of answer.err.
func codeOf(err error) (code, text string) {
	switch {
	case err == nil:
		return "", ""
	case errors.Is(err, ErrExited):
		return codeExited, ""
	case errors.Is(err, ErrInputClosed):
		return codeInputClosed, ""
	}
	return codeFailed, err.Error()
}

// encode makes a message's line with room for extra bytes behind it.
func encode(v any, extra int) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // only the plain structs above come here
	}
	out := make([]byte, 0, len(data)+1+extra)
	return append(append(out, data...), '\n')
}

// readRequest reads a request and the line behind a write, to which it adds the
// newline. Any error means that the connection is of no more use; half a line
// is never returned.
func readRequest(r *bufio.Reader) (request, []byte, error) {
	header, err := r.ReadSlice('\n')
	if err != nil {
		return request{}, nil, err
	}
	var req request
	if err := json.Unmarshal(header, &req); err != nil {
		return request{}, nil, fmt.Errorf("a request is not JSON: %w", err)
	}
	if req.Op != opWrite {
		return req, nil, nil
	}
	if req.Size < 0 || req.Size > MaxLine {
		return request{}, nil, fmt.Errorf("a line of %d bytes was announced", req.Size)
	}
	line := make([]byte, req.Size+1)
	if _, err := io.ReadFull(r, line[:req.Size]); err != nil {
		return request{}, nil, err
	}
	line[req.Size] = '\n'
	return req, line, nil
}

// signalOf checks a signal's number from the wire.
func signalOf(n int) (syscall.Signal, bool) {
	return syscall.Signal(n), n > 0 && n <= math.MaxInt8
}
