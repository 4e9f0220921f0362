// Package settings puts sessiond's hooks into a settings file of Claude Code's, and
// takes them out again. It changes the text where they belong and nowhere else: the
// order of keys, fields that it does not know, indentation and other hooks stay byte
// for byte. A text of which it is not sure is refused and left as it is.
package settings
