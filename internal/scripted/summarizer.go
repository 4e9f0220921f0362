package scripted

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SummariesVariable names a directory for claudes that are to answer by a schema. The
// steps of their turns are not in the prompt, which others write, but in the file
// `script` there, if it exists; else they answer with a summary of what they were
// given. Each leaves two files, which begin with its process id:
//
//	.prompt    what it was told
//	.report    what the verb `report` would say
const SummariesVariable = "SCRIPTED_SUMMARIES"

// script is what a message asks for.
func (t *turn) script(text string) []step {
	if !t.opts.has("json-schema") {
		return steps(text)
	}
	dir := os.Getenv(SummariesVariable)
	if dir != "" {
		base := filepath.Join(dir, fmt.Sprint(os.Getpid()))
		report, err := t.report()
		for name, content := range map[string][]byte{base + ".prompt": []byte(text), base + ".report": report} {
			if err == nil {
				err = leave(name, content)
			}
		}
		if err != nil {
			return []step{{func(*turn, string) error { return err }, ""}}
		}
		if script, err := os.ReadFile(filepath.Join(dir, "script")); err == nil {
			return steps(string(script))
		}
	}
	return []step{{verbSummary, text}}
}

// leave writes a file that is there whole or not at all: who reads it does so as soon as
// it is there, and may kill the process that writes it.
func leave(path string, content []byte) error {
	draft := strings.TrimSuffix(path, filepath.Ext(path)) + ".draft"
	if err := os.WriteFile(draft, content, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}

// verbSummary answers with a summary of an extract: the first thing that the user
// said, how many steps there were, and the title of the summary before.
func verbSummary(t *turn, prompt string) error {
	_, said, _ := strings.Cut(prompt, "\n[user]\n")
	request, _, _ := strings.Cut(said, "\n")
	_, before, _ := strings.Cut(prompt, `"title": "`)
	before, _, _ = strings.Cut(before, `"`)
	summary, err := json.Marshal(map[string]string{"title": "about " + request, "request": request, "investigated": before, "learned": "",
		"completed": fmt.Sprintf("%d steps", strings.Count(prompt, "\n[")), "next_steps": "none"})
	if err != nil {
		return err
	}
	return verbAnswer(t, string(summary))
}

// verbAnswer answers by the schema, whether it follows that or not.
func verbAnswer(t *turn, arg string) error {
	t.said = arg
	if json.Valid([]byte(arg)) {
		t.structured = json.RawMessage(arg)
	}
	return nil
}
