// Package hook is `sessiond hook`, the command that Claude Code runs as its hook,
// and the spool that it leaves its input in.
//
// Claude Code waits for a hook, so the command does next to nothing: it puts what it
// was given into a file of its own in the spool, and is gone. It knows no daemon, and
// none has to run: whichever daemon comes takes the files in, in the order of their
// names, which is that of their times, and removes each once what was in it is on
// disk. That is the only way in, so no input can overtake another one, and a daemon
// that is slow or dead holds up nobody.
//
// | the command | |
// | --- | --- |
// | MUST | end with exit code 0 and print nothing, whatever happens |
// | MUST | end after its patience (DefaultPatience), whatever hangs |
// | MUST NOT | start a daemon, or wait for one |
// | MUST NOT | leave anything for a session of the daemon's own, or a summariser's |
// | MUST | leave its input whole or not at all, for this user only (0600) |
// | MUST NOT | store a text that was not looked through for what is private (private.go) |
// | MUST NOT | sync it: a sync that was begun holds up the end of the process, however long it takes |
package hook
