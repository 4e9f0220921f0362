package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sessiond/sessiond/rpc/api"
)

// logArchive prints the conversation that an archive of 'sessiond prune' holds,
// in the forms of log. No daemon is needed for that.
func (a *app) logArchive(path string, r reading) error {
	l := &logger{app: a, reading: r}
	whole := false
	err := readArchive(path, func(line api.ArchiveLine) error {
		switch {
		case line.Header != nil:
			if line.Header.Format != api.ArchiveFormat || line.Header.Version > api.ArchiveVersion {
				return fmt.Errorf("%s version %d is not known to this program", line.Header.Format, line.Header.Version)
			}
			l.view = a.newView(line.Header.Session.ID)
			l.view.verbose = r.verbose
		case l.view == nil:
			return errors.New("it has no header")
		case line.Event != nil && line.Event.Type == api.EventConversationUpdated && line.Event.Seq > r.after:
			ev, err := decode[api.ConversationEvent](*line.Event)
			if err != nil {
				return err
			}
			if !r.raw { // as it is without an archive
				ev.Raw, ev.RawBase64, ev.RawUnterminated = nil, nil, false
			}
			return l.print(ev)
		case line.End != nil:
			whole = true
		}
		return nil
	})
	if err == nil && !whole {
		err = errors.New("it is cut off")
	}
	if err != nil {
		return fmt.Errorf("the archive %s: %w", path, err)
	}
	return nil
}

// readArchive calls f with each line of an archive, in its order.
func readArchive(path string, f func(api.ArchiveLine) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	unzip, err := gzip.NewReader(bufio.NewReaderSize(file, 64<<10))
	if err != nil {
		return err
	}
	for in := json.NewDecoder(unzip); ; {
		var line api.ArchiveLine
		if err := in.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := f(line); err != nil {
			return err
		}
	}
}
