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
// `close_input`, one may be under way on a connection at a time. Between answers
// the shim may tell its state: an answer to nobody, id 0.
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
	State      *State      `json:"state,omitempty"`
}

// State is what a shim says of itself. The zero State is that all is well.
type State struct {
	Held Held   `json:"held,omitempty"`
	Text string `json:"text,omitempty"` // the system's reason
}

// Held is what a shim waits for.
type Held string

const (
	// HeldDisk: the child is stopped, because the disk takes nothing more.
	HeldDisk Held = "disk"
	// HeldJournal: the child is stopped, because Spec.MaxJournal bytes of its
	// journal wait to be read.
	HeldJournal Held = "journal"
	// HeldExit: the child has exited, and the disk does not take the exit record.
	HeldExit Held = "exit"
)

// String says it in words.
func (s State) String() string {
	switch s.Held {
	case "":
		return "the child goes on"
	case HeldDisk:
		return "the child is stopped until the disk takes more: " + s.Text
	case HeldJournal:
		return "the child is stopped until its journal is read"
	case HeldExit:
		return "the exit record waits until the disk takes it: " + s.Text
	}
	return string(s.Held) + ": " + s.Text
}

// readHello reads a shim's first line. What cannot be understood is of a version
// that is not ours: somebody lives there all the same. An error means that the
// connection ended before.
func readHello(in *json.Decoder) (hello, error) {
	var line json.RawMessage
	if err := in.Decode(&line); err != nil {
		if _, strange := errors.AsType[*json.SyntaxError](err); strange {
			return hello{}, nil
		}
		return hello{}, err
	}
	var only struct {
		Version int `json:"version"`
	}
	var h hello
	if err := json.Unmarshal(line, &only); err != nil || only.Version != protocolVersion {
		return hello{Version: only.Version}, nil //nolint:nilerr // a version that is not ours
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return hello{}, nil //nolint:nilerr // a version that is not ours
	}
	return h, nil
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
	// State is told in an answer to nobody, id 0.
	State *State `json:"state,omitempty"`
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
