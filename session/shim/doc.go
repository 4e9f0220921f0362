// Package shim is the process that holds one child, and the client to it.
//
// A shim is this same program, run as `shim DIR` ([Main]) in a session of its
// own, so that the child outlives whoever asked for it. The child's standard
// output is the journal file itself: no process stands between the two, and
// neither a crash of the daemon nor one of the shim loses a byte. The shim
// knows nothing of what the lines mean, opens no database, and needs nothing
// but its directory.
//
// # Files of a directory
//
//	launch.json  what to start (0600: it holds the environment); removed once the child has started or could not be
//	start.json   the start record: durable before anyone is told that the child runs
//	journal      the child's standard output
//	stderr       the child's standard error; only its end keeps its place on the disk
//	shim.sock    the shim's socket, while it lives
//	shim.log     what the shim has to say itself, the newest 256 KiB
//	exit.tmp     room on the disk for the exit record, while the shim lives
//	exit.json    the exit record: written once, as the shim's last act
//
// # What a shim promises
//
//   - Before anything else it takes the lock on Spec.LockFile, on a descriptor
//     which the child inherits: [Locked] is false only when both are gone. A
//     shim which does not get the lock touches no file.
//   - The child has a process group of its own, Spec.Env as its whole
//     environment, and no descriptors but 0, 1, 2 and the lock's (3).
//   - Only whole lines reach the child, in the order in which they were taken,
//     also when their sender dies in the middle of one. A line that fits the
//     pipe (1 MiB) goes in with one write, so not even the shim's own death can
//     tear it.
//   - Signals work at any time, also while the child does not read its input.
//   - Signals that hit the shim by accident (a terminal's, a service
//     manager's) are ignored. It ends only behind its child.
//   - When the child has exited, every descendant of it is killed, those in
//     sessions of their own too. Only then the exit record is written: whoever
//     sees it has the whole journal before them. A descendant that the user may
//     not kill (a setuid program) is waited for, but not for ever.
//   - 16 MiB beyond the journal's end are kept allocated. While they cannot be
//     renewed, whatever the reason (a full disk, a quota, one that fails or has
//     become read-only), the child is stopped with SIGSTOP: it would drop what it
//     cannot write. It goes on when there is room, and something left for others.
//   - The child is stopped, too, while [Spec].MaxJournal bytes of its journal wait
//     to be read, until a quarter of that has been given back with [PunchHole].
//     The disk itself says how much that is, so that it holds without a daemon.
//   - The exit record has its room from the beginning, so that a full disk does
//     not lose it. One that is refused all the same is tried again until it is
//     written.
//   - A child that is [Spec].Tied is killed, with every descendant, when the
//     connection to whoever has started it ends: it outlives nobody.
//   - Whoever is connected is told when the child is stopped, and why
//     ([Client.State]).
//
// # Without the shim
//
// If the shim is killed, the child reads end-of-file behind what it was sent,
// and goes on writing to its journal. Its exit code is then lost: there is no
// exit record, the lock becomes free when the child ends, and what the child
// has started goes on: [KillStrays] ends that. A [Warden] sees to it from then on
// that the child does not meet a disk that takes nothing. (If it was
// stopped for want of disk, the kernel wakes it with SIGHUP and SIGCONT, since
// its process group is orphaned.)
//
// # Platforms
//
// Everything above holds on Linux. On macOS a process cannot adopt its
// descendants: only the child's process group is killed, and no strays; room on the disk is
// looked at instead of allocated; and the pipe has the system's size.
package shim
