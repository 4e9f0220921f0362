package session

import (
	"bytes"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
)

// reachStored passes the crash points between a step's commit and its effect:
// which they are is seen by what was stored.
func (s *step) reachStored() {
	if !crashpoint.Enabled {
		return
	}
	crashpoint.Reach(crashpoint.IngestReleased)
	for i := range s.batch.Messages {
		switch s.batch.Messages[i].State {
		case api.MessageQueued:
			crashpoint.Reach(crashpoint.MessageQueued)
		case api.MessageSent:
			crashpoint.Reach(crashpoint.MessageSent)
		case api.MessageStarted:
			crashpoint.Reach(crashpoint.MessageStarted)
		case api.MessageCompleted:
			crashpoint.Reach(crashpoint.MessageCompleted)
		}
	}
	for i := range s.batch.Approvals {
		switch s.batch.Approvals[i].Status {
		case api.ApprovalPending:
			crashpoint.Reach(crashpoint.ApprovalAsked)
		case api.ApprovalApproved, api.ApprovalDenied:
			crashpoint.Reach(crashpoint.ApprovalDecided)
		}
	}
}

// reachHanded passes the crash point before a line goes to the shim.
func reachHanded(line []byte) {
	if crashpoint.Enabled {
		reachLine(line, crashpoint.MessageHanded, crashpoint.ApprovalHanded)
	}
}

// reachWritten passes the crash point behind a line that the shim has taken.
func reachWritten(line []byte) {
	if crashpoint.Enabled {
		reachLine(line, crashpoint.MessageWritten, crashpoint.ApprovalWritten)
	}
}

func reachLine(line []byte, message, decision crashpoint.Point) {
	switch {
	case bytes.Contains(line, []byte(`"type":"user"`)):
		crashpoint.Reach(message)
	case bytes.Contains(line, []byte(`"type":"control_response"`)):
		crashpoint.Reach(decision)
	}
}
