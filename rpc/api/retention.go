package api

// PruneSessionsParams are the params of pruneSessions.
type PruneSessionsParams struct {
	Before     Time   `json:"before" jsonschema:"prune final sessions in which nothing has happened since then, nor in one that continues them"`
	Tag        string `json:"tag,omitempty" jsonschema:"only those that have this tag"`
	ArchiveDir string `json:"archive_dir,omitempty" jsonschema:"absolute path of the directory for the archives; default: the daemon's setting"`
	DryRun     bool   `json:"dry_run,omitempty" jsonschema:"change nothing, only say what would go; default false"`
	Limit      *int   `json:"limit,omitempty" jsonschema:"1 to 500; default 50"`
	Cursor     string `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// PruneSessionsResult is what one call of pruneSessions came to.
type PruneSessionsResult struct {
	Pruned     []PrunedSession `json:"pruned" jsonschema:"the sessions that are gone, or with dry_run would go"`
	Failed     []PruneFailure  `json:"failed" jsonschema:"those that stay because they could not be archived or deleted"`
	Remaining  int             `json:"remaining" jsonschema:"how many are still to come, behind this page"`
	Held       int             `json:"held" jsonschema:"how many are old enough and stay because a session that stays continues them"`
	NextCursor string          `json:"next_cursor,omitempty" jsonschema:"cursor of the next page; absent at the end"`
}

// PrunedSession is a session that was pruned.
type PrunedSession struct {
	SessionID      string `json:"session_id" jsonschema:"UUID of the session"`
	Title          string `json:"title,omitempty" jsonschema:"its title, else its first prompt, cut"`
	Status         Status `json:"status" jsonschema:"completed, failed or interrupted"`
	LastActivityAt Time   `json:"last_activity_at" jsonschema:"when something last happened in it"`
	Events         int    `json:"events" jsonschema:"how many events it had"`
	Bytes          int64  `json:"bytes" jsonschema:"what their lines and data took in the database"`
	Archive        string `json:"archive,omitempty" jsonschema:"the file that holds it now; absent with dry_run"`
}

// PruneFailure is a session that was to be pruned and was not.
type PruneFailure struct {
	SessionID string `json:"session_id" jsonschema:"UUID of the session"`
	Error     string `json:"error" jsonschema:"why, in words"`
}

// BackupParams are the params of backup.
type BackupParams struct {
	Path string `json:"path" jsonschema:"absolute path of a file that does not exist yet"`
}

// BackupResult says what a backup holds.
type BackupResult struct {
	Path    string `json:"path" jsonschema:"where it is"`
	Bytes   int64  `json:"bytes" jsonschema:"its size"`
	HeadSeq int64  `json:"head_seq" jsonschema:"every event up to this seq is in it"`
}
