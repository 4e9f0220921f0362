package tui

import (
	"slices"
	"strings"
)

// action is what a key does.
type action int

const (
	actNone action = iota
	actHelp
	actQuit
	actNextPane
	actPreviousPane
	actReconnect
	actNextQuestion

	actUp
	actDown
	actPageUp
	actPageDown
	actTop
	actBottom
	actOpen
	actSearch
	actFilter
	actSearchAll

	actBlockUp
	actBlockDown
	actFold
	actFoldTools
	actFoldThoughts
	actAll
	actBack

	actWrite
	actNew
	actContinue
	actFork
	actInterrupt
	actEnd
	actArchive
	actRename
	actModel
	actMode
	actQueue
	actDelete
	actSummary
	actSummarize

	actYes
	actNo
	actEdit
	actAlways
	actWords
	actShow

	actSend
	actSendNow
	actNewline
	actOlder
	actNewer
	actLeave
	actEditor

	actEditMessage
	actWithdraw

	actNextField
	actPreviousField
	actAccept
	actCancel
)

// place is where a key has its meaning.
type place int

const (
	everywhere place = iota // but where text is typed
	inList
	inTalk
	onSession // in the list and the conversation
	onQuestion
	inPrompt
	inQueue
	inForm
	inFound
)

// places are the headings of the help, in its order.
var places = []struct {
	place
	title string
}{
	{everywhere, "Everywhere, but where you type"},
	{inList, "The list of sessions"},
	{inTalk, "The conversation"},
	{onSession, "The session that is selected"},
	{onQuestion, "A question"},
	{inPrompt, "The prompt line"},
	{inQueue, "Messages that wait"},
	{inForm, "Forms and editors"},
	{inFound, "What was found in all conversations"},
}

// binding is what keys do in one place. The keys are named as bubbletea does.
type binding struct {
	place
	action
	keys []string
	does string
}

// bindings are all keys there are: the help and docs/tui.md are made of them.
var bindings = []binding{
	{everywhere, actHelp, []string{"?"}, "show all keys"},
	{everywhere, actNextPane, []string{"tab"}, "go to the next pane: list, conversation, prompt"},
	{everywhere, actPreviousPane, []string{"shift+tab"}, "go to the pane before"},
	{everywhere, actNextQuestion, []string{"."}, "go to the next session that asks something"},
	{everywhere, actNew, []string{"N"}, "launch a new session"},
	{everywhere, actSearchAll, []string{"S"}, "find what was said, in all conversations"},
	{everywhere, actReconnect, []string{"ctrl+r"}, "start the daemon if it is gone; read everything anew"},
	{everywhere, actQuit, []string{"q", "ctrl+c"}, "leave; sessions go on"},

	{inList, actUp, []string{"k", "up"}, "the session above"},
	{inList, actDown, []string{"j", "down"}, "the session below"},
	{inList, actPageUp, []string{"pgup", "ctrl+u"}, "a page up"},
	{inList, actPageDown, []string{"pgdown", "ctrl+d"}, "a page down"},
	{inList, actTop, []string{"g", "home"}, "the first session: what needs you most"},
	{inList, actBottom, []string{"G", "end"}, "the last session"},
	{inList, actOpen, []string{"enter", "l", "right"}, "go into the conversation"},
	{inList, actSearch, []string{"/"}, "search titles, prompts, directories and tags; esc shows all again"},
	{inList, actFilter, []string{"f"}, "list all, what needs you, live, ended, archived sessions"},
	{inList, actLeave, []string{"esc"}, "show all sessions again"},

	{inTalk, actUp, []string{"up"}, "a line up"},
	{inTalk, actDown, []string{"down"}, "a line down"},
	{inTalk, actBlockUp, []string{"k"}, "select the block above"},
	{inTalk, actBlockDown, []string{"j"}, "select the block below"},
	{inTalk, actPageUp, []string{"pgup", "ctrl+u"}, "a page up"},
	{inTalk, actPageDown, []string{"pgdown", "ctrl+d"}, "a page down"},
	{inTalk, actTop, []string{"g", "home"}, "the beginning"},
	{inTalk, actBottom, []string{"G", "end"}, "the end, and follow what comes"},
	{inTalk, actFold, []string{"enter", "space"}, "unfold or fold the selected block"},
	{inTalk, actFoldTools, []string{"o"}, "unfold or fold all tools"},
	{inTalk, actFoldThoughts, []string{"t"}, "unfold or fold all thoughts"},
	{inTalk, actAll, []string{"v"}, "show also what Claude Code says to programs"},
	{inTalk, actBack, []string{"esc", "h", "left"}, "back to the list"},

	{onSession, actWrite, []string{"i"}, "write to it; if it has ended, that continues it"},
	{onSession, actContinue, []string{"C"}, "continue it with other options"},
	{onSession, actFork, []string{"F"}, "fork here: a new conversation from the selected block on"},
	{onSession, actInterrupt, []string{"I"}, "interrupt its turn"},
	{onSession, actEnd, []string{"E"}, "end its process"},
	{onSession, actArchive, []string{"A"}, "archive it, or bring it back"},
	{onSession, actRename, []string{"R"}, "rename it"},
	{onSession, actModel, []string{"M"}, "switch its model"},
	{onSession, actMode, []string{"P"}, "switch its permission mode"},
	{onSession, actQueue, []string{"Q"}, "go to the messages that wait"},
	{onSession, actSummary, []string{"u"}, "show its summary"},
	{onSession, actSummarize, []string{"U"}, "have a summary of it made"},
	{onSession, actDelete, []string{"D"}, "delete it and its conversation, for good"},

	{onQuestion, actYes, []string{"y", "alt+y"}, "yes; with alt also from the prompt line"},
	{onQuestion, actNo, []string{"n", "alt+n"}, "no, and why"},
	{onQuestion, actEdit, []string{"e", "alt+e"}, "edit the input, then yes"},
	{onQuestion, actAlways, []string{"a", "alt+a"}, "yes, and what Claude Code suggests to remember"},
	{onQuestion, actWords, []string{"w", "alt+w"}, "answer in your own words"},
	{onQuestion, actShow, []string{"s", "alt+s"}, "show the input whole"},

	{inPrompt, actSend, []string{"enter"}, "send; while it works, that is queued"},
	{inPrompt, actSendNow, []string{"ctrl+s"}, "send now, with the next result of a tool"},
	{inPrompt, actNewline, []string{"alt+enter", "shift+enter", "ctrl+j"}, "a new line"},
	{inPrompt, actEditor, []string{"ctrl+g"}, "write it in your editor: $VISUAL or $EDITOR"},
	{inPrompt, actOlder, []string{"up"}, "on the first line: what was said before"},
	{inPrompt, actNewer, []string{"down"}, "on the last line: what was said after that"},
	{inPrompt, actNextPane, []string{"tab"}, "go to the list; the draft stays"},
	{inPrompt, actPreviousPane, []string{"shift+tab"}, "go to the conversation; the draft stays"},
	{inPrompt, actLeave, []string{"esc"}, "go to the conversation; the draft stays"},
	{inPrompt, actQuit, []string{"ctrl+c"}, "clear the line; leave, if it is empty"},

	{inQueue, actUp, []string{"k", "up"}, "the message above"},
	{inQueue, actDown, []string{"j", "down"}, "the message below"},
	{inQueue, actEditMessage, []string{"e", "enter"}, "take it back into the prompt line, to send it anew"},
	{inQueue, actWithdraw, []string{"d", "delete"}, "withdraw it"},
	{inQueue, actBack, []string{"esc", "h", "left"}, "back to the conversation"},

	{inForm, actNextField, []string{"tab"}, "the next field"},
	{inForm, actPreviousField, []string{"shift+tab"}, "the field before"},
	{inForm, actAccept, []string{"ctrl+s"}, "do it; enter does too, in a field of one line"},
	{inForm, actEditor, []string{"ctrl+g"}, "write a field of several lines in your editor"},
	{inForm, actCancel, []string{"esc", "ctrl+c"}, "leave it; nothing is done"},

	{inFound, actUp, []string{"k", "up"}, "the match above"},
	{inFound, actDown, []string{"j", "down"}, "the match below"},
	{inFound, actPageUp, []string{"pgup", "ctrl+u"}, "a page up"},
	{inFound, actPageDown, []string{"pgdown", "ctrl+d"}, "a page down"},
	{inFound, actTop, []string{"g", "home"}, "the best match"},
	{inFound, actBottom, []string{"G", "end"}, "the last one that was read"},
	{inFound, actOpen, []string{"enter"}, "go to where it is in its conversation"},
	{inFound, actSearchAll, []string{"S", "/"}, "look for something else"},
	{inFound, actCancel, []string{"esc", "q", "ctrl+c"}, "leave it"},
}

// digitsDo is what digits do to a question.
const digitsDo = "choose an option; y sends, where several may be chosen"

// actionOf looks up what a key does in one of those places, the first one first.
func actionOf(key string, where ...place) action {
	for _, p := range where {
		for _, b := range bindings {
			if b.place == p && slices.Contains(b.keys, key) {
				return b.action
			}
		}
	}
	return actNone
}

// keyNames are shorter, or clearer, than bubbletea's.
var keyNames = map[string]string{"up": "↑", "down": "↓", "left": "←", "right": "→", "pgdown": "pgdn"}

// keysText names keys as people do.
func keysText(keys []string) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k
		if short, ok := keyNames[k]; ok {
			names[i] = short
		}
	}
	return strings.Join(names, " ")
}

// Markdown is the table of all keys, as docs/tui.md has it.
func Markdown() string {
	var b strings.Builder
	for _, p := range places {
		b.WriteString("\n**" + p.title + "**\n\n| key | does |\n| --- | --- |\n")
		for _, k := range bindings {
			if k.place == p.place {
				b.WriteString("| `" + strings.Join(k.keys, "` `") + "` | " + k.does + " |\n")
			}
		}
		if p.place == onQuestion {
			b.WriteString("| `1` … `9` | " + digitsDo + " |\n")
		}
	}
	return b.String()
}
