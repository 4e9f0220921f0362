// Package claude knows Claude Code's side of a session: the arguments it is
// started with, the lines that it prints, and the lines that it reads. It knows
// no database, no process and no client.
//
// Nothing here is documented by Anthropic as a contract. Every fact was seen in
// runs of the real command line, which are kept as traces in internal/traces:
// a fact that only some versions show is marked with the version.
//
// Nothing that Claude Code prints is an error here. A line whose type is not
// known is kept as a system event, a line that is not JSON as an unparsed one.
package claude
