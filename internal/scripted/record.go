package scripted

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// RecordVariable names a directory in which a scripted claude keeps, beside its
// conversations, what it has done, for tests to compare with what others say of
// it. The names of the files begin with SESSIOND_SESSION_ID:
//
//	.printed    what it meant to print, written before it is printed
//	.written    how many bytes of that standard output has taken
//	.taken      the uuid of each message that began a turn or was folded into one, a line each
//	.doubled    exists if another process of the session ran before, or of the conversation at the same time
const RecordVariable = "SCRIPTED_RECORD"

// record keeps what a process does. A nil record keeps nothing.
type record struct {
	stdout                  io.Writer
	lock                    *os.File
	printed, written, taken *os.File
	count                   int64
}

// openRecord opens the files of this process, or returns nil if none are wanted.
func openRecord(conversation string, stdout io.Writer) (*record, error) {
	dir, session := os.Getenv(RecordVariable), os.Getenv("SESSIOND_SESSION_ID")
	if dir == "" {
		return nil, nil
	}
	base := filepath.Join(dir, session)
	r := &record{stdout: stdout}
	for name, f := range map[string]**os.File{
		base + ".printed": &r.printed, base + ".written": &r.written, base + ".taken": &r.taken,
		filepath.Join(dir, conversation+".lock"): &r.lock,
	} {
		var err error
		if *f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
			return nil, err
		}
	}
	if err := syscall.Flock(int(r.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, r.double(base, "another process of conversation "+conversation+" lives")
	}
	if before, err := r.printed.Stat(); err != nil || before.Size() > 0 {
		return nil, r.double(base, "another process of session "+session+" has run")
	}
	return r, nil
}

// double notes that this process should not be.
func (r *record) double(base, why string) error {
	err := fmt.Errorf("scripted: %s", why)
	if write := os.WriteFile(base+".doubled", []byte(why+"\n"), 0o600); write != nil {
		return write
	}
	return err
}

// Write prints.
func (r *record) Write(b []byte) (int, error) {
	if _, err := r.printed.Write(b); err != nil {
		panic(err)
	}
	n, err := r.stdout.Write(b)
	r.count += int64(n)
	if _, err := r.written.WriteString(strconv.FormatInt(r.count, 10) + "\n"); err != nil {
		panic(err)
	}
	return n, err
}

// take notes a message that is begun.
func (r *record) take(uuid string) {
	if r == nil {
		return
	}
	if _, err := r.taken.WriteString(uuid + "\n"); err != nil {
		panic(err)
	}
}
