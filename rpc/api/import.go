package api

// ImportTranscriptsParams are the params of importTranscripts.
type ImportTranscriptsParams struct {
	Paths  []string `json:"paths" jsonschema:"absolute paths: directories of Claude Code's projects, of one project, or transcripts"`
	Since  Time     `json:"since,omitzero" jsonschema:"leave out files that have not changed since then"`
	Again  bool     `json:"again,omitempty" jsonschema:"also conversations whose session was deleted; default false"`
	DryRun bool     `json:"dry_run,omitempty" jsonschema:"change nothing, only say what would be imported; default false"`
	Cursor string   `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// ImportTranscriptsResult is what one call of importTranscripts came to.
type ImportTranscriptsResult struct {
	Transcripts []ImportedTranscript `json:"transcripts" jsonschema:"the files that are done with, in the order of their paths"`
	Files       int                  `json:"files" jsonschema:"how many files there are"`
	FilesDone   int                  `json:"files_done" jsonschema:"how many of them are done with, on this page and those before"`
	Bytes       int64                `json:"bytes" jsonschema:"the size of all files"`
	BytesDone   int64                `json:"bytes_done" jsonschema:"how much of it is done with"`
	NextCursor  string               `json:"next_cursor,omitempty" jsonschema:"cursor of the next page; absent at the end"`
}

// ImportedTranscript is what became of one file.
type ImportedTranscript struct {
	Path            string        `json:"path" jsonschema:"the file"`
	ClaudeSessionID string        `json:"claude_session_id,omitempty" jsonschema:"Claude Code's id of the conversation, which is the file's name"`
	SessionID       string        `json:"session_id,omitempty" jsonschema:"the session that has the conversation; absent with dry_run on a new one"`
	Outcome         ImportOutcome `json:"outcome" jsonschema:"new, grown, unchanged or skipped"`
	Reason          ImportReason  `json:"reason,omitempty" jsonschema:"with skipped: why, a word"`
	Message         string        `json:"message,omitempty" jsonschema:"with skipped: why, in words"`
	Title           string        `json:"title,omitempty" jsonschema:"the session's title, else its first prompt, cut"`
	Lines           int64         `json:"lines" jsonschema:"how many lines were taken in, those of subagents too; always 0 with dry_run"`
}

// ImportOutcome is what became of a transcript.
type ImportOutcome string

// What can become of a transcript.
const (
	ImportNew       ImportOutcome = "new"       // a session was made of it
	ImportGrown     ImportOutcome = "grown"     // its session has more lines than before
	ImportUnchanged ImportOutcome = "unchanged" // there was nothing new in it
	ImportSkipped   ImportOutcome = "skipped"   // see the reason
)

// ImportOutcomes lists every outcome.
var ImportOutcomes = []ImportOutcome{ImportNew, ImportGrown, ImportUnchanged, ImportSkipped}

// ImportReason is why a file was skipped.
type ImportReason string

// Why a file can be skipped.
const (
	SkippedLaunched      ImportReason = "launched"         // a session of this daemon's has it already
	SkippedContinued     ImportReason = "continued"        // a session of this daemon's goes on with it, and has what follows
	SkippedDeleted       ImportReason = "deleted"          // its session was deleted
	SkippedOlder         ImportReason = "older"            // it has not changed since the moment that was given
	SkippedEmpty         ImportReason = "empty"            // nothing was said in it yet
	SkippedNoTranscript  ImportReason = "not_a_transcript" // it has not the name or not the lines of one
	SkippedNotRegular    ImportReason = "not_regular"      // it is a symbolic link, a pipe, a directory
	SkippedNotOwned      ImportReason = "not_owned"        // it belongs to another user
	SkippedChanged       ImportReason = "changed"          // what was imported of it is not there any more
	SkippedUnreadable    ImportReason = "unreadable"       // it cannot be read
	SkippedRecordDamaged ImportReason = "record_damaged"   // what the database holds about it cannot be read
)

// ImportReasons lists every reason.
var ImportReasons = []ImportReason{SkippedLaunched, SkippedContinued, SkippedDeleted, SkippedOlder, SkippedEmpty, SkippedNoTranscript,
	SkippedNotRegular, SkippedNotOwned, SkippedChanged, SkippedUnreadable, SkippedRecordDamaged}
