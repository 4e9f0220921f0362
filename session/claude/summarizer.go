package claude

import (
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// SummarizerVariable is set to 1 in the environment of a Claude Code that summarises,
// and of all that it starts: a hook that finds it is to look away.
const SummarizerVariable = "SESSIOND_SUMMARIZER"

// Summarizer is a Claude Code that answers one message with JSON, and leaves nothing
// behind. Seen with 2.1.197 and 2.1.329: no transcript is written, no tool but that
// for the answer exists, no hook of any settings runs.
type Summarizer struct {
	Model            string
	SystemPromptFile string
	Schema           string // of the answer, JSON
	MaxBudgetUSD     float64
}

// summarizerTurns is room for an answer that does not follow the schema at first:
// Claude Code then asks for another itself.
const summarizerTurns = 6

// Args returns the arguments. The user's settings are read, for it may be they that
// say how the API is reached.
func (s *Summarizer) Args() []string {
	return []string{"-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose",
		"--no-session-persistence", "--tools=", "--strict-mcp-config", "--disable-slash-commands",
		"--setting-sources=user", `--settings={"disableAllHooks":true}`,
		"--model=" + s.Model, "--system-prompt-file=" + s.SystemPromptFile, "--json-schema=" + s.Schema,
		"--max-turns=" + strconv.Itoa(summarizerTurns), "--max-budget-usd=" + strconv.FormatFloat(s.MaxBudgetUSD, 'f', -1, 64)}
}

// Env returns an environment for it. Without attachments, "@FILE" in what it is given
// is a text; else it would read the file.
func (s *Summarizer) Env(env []string) []string {
	return append(slices.Clone(env), SummarizerVariable+"=1", "CLAUDE_CODE_DISABLE_ATTACHMENTS=1")
}

// Answer is what a result line holds by a schema; where it does not (an older
// version, or the model has not used the tool), it is the result's text.
func Answer(line []byte, r *Result) []byte {
	if structured := gjson.GetBytes(line, "structured_output"); structured.IsObject() {
		return []byte(structured.Raw)
	}
	return []byte(r.Text)
}
