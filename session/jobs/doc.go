// Package jobs is the queue of work that the daemon does by itself. It keeps nothing
// in memory: a job is a row of the database, and every change of one is committed
// together with its event, job_updated. What is to be done for a job is not known here.
//
// # States
//
// A job is queued, claimed under a lease, and then done, or queued again behind a
// growing pause, or dead once it has failed too often. [Moves] is the whole truth about
// which change is possible; every state but done can be left, and those in which a
// job is open are left without anybody's help: one that is queued is claimed when it is due, and one
// that is running ends with its work, with its lease, or with the daemon.
//
// # Exactly once
//
// A session has one job of a kind for a seq, and one of a kind at work. A change
// is made only if the job stands as whoever makes it has seen it, lease included:
// work that comes too late, because its lease was taken, changes nothing.
//
// # Time
//
// Pauses and leases are on a clock that nobody sets and that stands still while the
// machine sleeps. Behind a restart of the machine, which is another run of that
// clock, what was queued is due and what was claimed has lost its lease.
package jobs
