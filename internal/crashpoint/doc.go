// Package crashpoint names the places at which a crash is worth trying: between
// each two steps of which only one may have happened when the process dies. The
// code passes them with Reach, which is nothing at all in a normal build. Built
// with -tags crashpoints, the process kills itself with SIGKILL at the point that
// the environment variable SESSIOND_CRASH_AT names: "ingest.committed", or
// "ingest.committed:3" for the third time that it comes there. If
// SESSIOND_CRASH_COUNT names a file, the times are counted there, over all
// processes: a shim passes some points only once in its life.
package crashpoint

// Point is a place in the code. What stands before the dot says what is under
// way there. The points of "shim" are passed by shims, those of "restore" by the
// command of that name, "hook.written" by the hook's, all others by daemons.
type Point string

// A session is launched.
const (
	LaunchPrepared  Point = "launch.prepared"       // its directory and environment file are written, the session is not stored
	LaunchCommitted Point = "launch.committed"      // the session is stored, nobody works on it
	LaunchForked    Point = "launch.forked"         // the shim's process was made, and has said nothing yet
	LaunchStarted   Point = "launch.started"        // the shim has said that the child runs
	LaunchForgotten Point = "launch.forgotten"      // the environment file is removed, the start is not stored
	LaunchStored    Point = "launch.started-stored" // the start is stored
)

// What a process has printed is taken in. The store passes its points with every
// transaction, whatever it is about.
const (
	IngestRead      Point = "ingest.read"      // lines were taken from the journal
	IngestBegun     Point = "ingest.begun"     // the transaction has begun
	IngestApplied   Point = "ingest.applied"   // everything is written, COMMIT is next
	IngestCommitted Point = "ingest.committed" // nobody was told of it
	IngestAnnounced Point = "ingest.announced" // the bus was told of it, the committer was not
	IngestReleased  Point = "ingest.released"  // the committer knows, its step has had no effect yet
	IngestEffect    Point = "ingest.effect"    // the step has had its effect, the journal is as it was
	IngestPunched   Point = "ingest.punched"   // what was taken in is given back to the disk
)

// A message is delivered.
const (
	MessageQueued    Point = "message.queued"    // it is stored, to be sent later
	MessageSent      Point = "message.sent"      // it is stored that it was sent, and it is not written
	MessageHanded    Point = "message.handed"    // the line goes to the shim now
	MessageWritten   Point = "message.written"   // the shim has taken the line
	MessageStarted   Point = "message.started"   // Claude Code has acknowledged it, and that is stored
	MessageCompleted Point = "message.completed" // its turn has ended, and that is stored
)

// A question is asked and answered.
const (
	ApprovalAsked   Point = "approval.asked"   // the question is stored
	ApprovalDecided Point = "approval.decided" // the answer is stored, and it is not written
	ApprovalHanded  Point = "approval.handed"  // the line goes to the shim now
	ApprovalWritten Point = "approval.written" // the shim has taken the line
)

// A session ends, and is deleted.
const (
	EndSeen       Point = "end.seen"       // how the process ended is known
	EndCommitted  Point = "end.committed"  // the final status is stored, the session's files are there
	EndCleaned    Point = "end.cleaned"    // its files are removed
	DeleteStored  Point = "delete.stored"  // a session is deleted in the store, its directory is there
	DeletePurging Point = "delete.purging" // a part of its events is removed
)

// A session is taken over from a daemon that is gone.
const (
	AdoptConnected Point = "adopt.connected" // its shim is reached
	AdoptCaughtUp  Point = "adopt.caught-up" // what was printed meanwhile is taken in
	AdoptRepeated  Point = "adopt.repeated"  // what may not have reached the process is put into the outbox
)

// What a shim does.
const (
	ShimLocked       Point = "shim.locked"        // it holds the conversation's lock, and has no child
	ShimChildStarted Point = "shim.child-started" // the child runs, there is no start record
	ShimRecorded     Point = "shim.recorded"      // the start record is written, nobody was told
	ShimLineTaken    Point = "shim.line-taken"    // a line was acknowledged, and is not in the pipe
	ShimLineWritten  Point = "shim.line-written"  // a line is in the pipe
	ShimChildGone    Point = "shim.child-gone"    // the child is gone, there is no exit record
	ShimExitRecorded Point = "shim.exit-recorded" // the exit record is written, the connections are open
)

// The database is migrated.
const (
	MigrateBackedUp  Point = "migrate.backed-up" // the backup is made
	MigrateApplied   Point = "migrate.applied"   // a step is made, COMMIT is next
	MigrateCommitted Point = "migrate.committed" // it is done, the database was not opened yet
)

// Old sessions are removed.
const (
	PruneArchived Point = "prune.archived" // the archive is on the disk, the session is there
	PruneDeleted  Point = "prune.deleted"  // the session is deleted
)

// A transcript of Claude Code's is imported.
const (
	ImportCommitted Point = "import.committed" // some of its lines are stored, others are to come
)

// The index of texts follows the log.
const (
	SearchApplied   Point = "search.applied"   // what was said is in the index, COMMIT is next
	SearchCommitted Point = "search.committed" // it is committed, and nobody was told
	SearchRemoving  Point = "search.removing"  // a part of a deleted session has left the index
)

// A job is done: a session is summarised.
const (
	JobQueued     Point = "job.queued"      // it is stored, and nobody was told
	JobAutoQueued Point = "job.auto-queued" // for a session that has ended; how far the log was read is not stored
	JobClaimed    Point = "job.claimed"     // it has a lease, and nobody works on it
	JobStarted    Point = "job.started"     // the summariser runs, and was told nothing
	JobTold       Point = "job.told"        // it has its prompt
	JobAnswered   Point = "job.answered"    // its answer is read, and it is there
	JobCleared    Point = "job.cleared"     // it is gone with its files, and nothing is stored
	JobStored     Point = "job.stored"      // the summary is, and the job is done
	JobFailing    Point = "job.failing"     // the attempt came to nothing, which is not stored
	JobFailed     Point = "job.failed"      // it is
	JobReclaimed  Point = "job.reclaimed"   // it was taken back from a daemon before
	JobCancelled  Point = "job.cancelled"   // it is cancelled, and somebody works on it
	JobRetried    Point = "job.retried"     // it is queued again, and nobody was told
)

// What hooks tell of sessions in terminals is taken in. The point "hook.written" is
// passed by the hook's command.
const (
	HookWritten   Point = "hook.written"   // an input is in its file, which has not its name
	HookRead      Point = "hook.read"      // some inputs were read, and nothing of them is stored
	HookCreated   Point = "hook.created"   // the session of the first is stored, the input is not
	HookCaughtUp  Point = "hook.caught-up" // so is what its transcript has that far
	HookStored    Point = "hook.stored"    // inputs of one conversation are stored, their files are there
	HookRemoving  Point = "hook.removing"  // the file of one is removed, of others not
	HookRemoved   Point = "hook.removed"   // all are, and their names are remembered
	HookForgotten Point = "hook.forgotten" // they are not
	HookEnding    Point = "hook.ending"    // a session's end was told, and the session is not final
)

// A backup is put back.
const (
	RestoreCopied   Point = "restore.copied"    // the copy is there, nothing was moved
	RestoreReady    Point = "restore.ready"     // the files of sessions are put aside, the database is as it was
	RestoreLinked   Point = "restore.linked"    // the database has its second name
	RestoreLogAside Point = "restore.log-aside" // its write-ahead log has only the second
	RestoreReplaced Point = "restore.replaced"  // the copy has the database's name, the files have not theirs for good
)

// All lists the points, in the order in which they stand above.
var All = []Point{
	LaunchPrepared, LaunchCommitted, LaunchForked, LaunchStarted, LaunchForgotten, LaunchStored,
	IngestRead, IngestBegun, IngestApplied, IngestCommitted, IngestAnnounced, IngestReleased, IngestEffect, IngestPunched,
	MessageQueued, MessageSent, MessageHanded, MessageWritten, MessageStarted, MessageCompleted,
	ApprovalAsked, ApprovalDecided, ApprovalHanded, ApprovalWritten,
	EndSeen, EndCommitted, EndCleaned, DeleteStored, DeletePurging,
	AdoptConnected, AdoptCaughtUp, AdoptRepeated,
	ShimLocked, ShimChildStarted, ShimRecorded, ShimLineTaken, ShimLineWritten, ShimChildGone, ShimExitRecorded,
	MigrateBackedUp, MigrateApplied, MigrateCommitted,
	PruneArchived, PruneDeleted, ImportCommitted,
	SearchApplied, SearchCommitted, SearchRemoving,
	JobQueued, JobAutoQueued, JobClaimed, JobStarted, JobTold, JobAnswered, JobCleared, JobStored, JobFailing, JobFailed,
	JobReclaimed, JobCancelled, JobRetried,
	HookWritten, HookRead, HookCreated, HookCaughtUp, HookStored, HookRemoving, HookRemoved, HookForgotten, HookEnding,
	RestoreCopied, RestoreReady, RestoreLinked, RestoreLogAside, RestoreReplaced,
}
