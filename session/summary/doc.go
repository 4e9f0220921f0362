// Package summary knows what a summariser is given and what it has to answer: the
// extract of a conversation, the prompts, and the schema of a summary. It knows no
// process and no database.
package summary
