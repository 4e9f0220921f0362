// Package transcript reads the files in which Claude Code itself keeps its
// conversations: CONFIG/projects/DIRECTORY/ID.jsonl, and beside each, in
// ID/subagents, a file for every subagent. It knows no database and no session:
// Parse says what a line is, State what the lines come to, and Files hands out the
// lines of a conversation and its subagents from given offsets on, in the order of
// their times. Whoever keeps the offsets with what he makes of the lines takes in
// each line once, whether the conversation is over or still goes on.
//
// The form of these files is documented nowhere. What is known of it was seen in
// files that the real Claude Code wrote; testdata has some of each version. So the
// package's promise is that of package claude: every line is kept whatever it is,
// and what is not known means nothing.
package transcript
