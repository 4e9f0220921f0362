package api

import "encoding/json"

// What an archive's header says of its form. Readers accept every version up to
// theirs, and ignore members that they do not know.
const (
	ArchiveFormat  = "sessiond-archive"
	ArchiveVersion = 1
)

// ArchiveLine is one line of an archive: a session that was pruned, as JSON, a
// value a line, compressed with gzip. Exactly one member is set. The header
// comes first, then the messages, the approvals, the events in the order of
// seq, and the end: an archive without an end is not whole.
type ArchiveLine struct {
	Header   *ArchiveHeader `json:"header,omitempty"`
	Message  *Message       `json:"message,omitempty"`
	Approval *Approval      `json:"approval,omitempty"`
	// Event is as subscribers got it; on conversation_updated its data has raw,
	// the line as Claude Code printed it, byte for byte.
	Event *Event      `json:"event,omitempty"`
	End   *ArchiveEnd `json:"end,omitempty"`
}

// ArchiveHeader is the first line of an archive.
type ArchiveHeader struct {
	Format     string          `json:"format"`  // ArchiveFormat
	Version    int             `json:"version"` // ArchiveVersion
	ArchivedAt Time            `json:"archived_at"`
	Session    Session         `json:"session"`
	Options    json.RawMessage `json:"options,omitempty"` // what it was launched with; no secrets
}

// ArchiveEnd is the last line of an archive, and counts what came before.
type ArchiveEnd struct {
	Messages  int `json:"messages"`
	Approvals int `json:"approvals"`
	Events    int `json:"events"`
}
