package scripted

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"time"
)

// step is one step of a turn.
type step struct {
	verb func(t *turn, arg string) error
	arg  string
}

// verbs are the steps by name: those with an argument are followed by ": ". The
// table is filled in init, because a verb may look into it by way of a turn.
var verbs map[string]func(t *turn, arg string) error

func init() {
	verbs = map[string]func(t *turn, arg string) error{
		"say":            verbSay,
		"think":          verbThink,
		"emit":           verbEmit,
		"stamp":          verbStamp,
		"tools":          verbTools,
		"partial":        verbPartial,
		"bigline":        verbBigLine,
		"ask":            verbAsk,
		"error":          func(_ *turn, arg string) error { return apiError(arg) },
		"stderr":         verbStderr,
		"report":         verbReport,
		"history":        verbHistory,
		"spawn":          verbSpawn,
		"wait":           verbWait,
		"silence":        verbSilence,
		"ignore-signals": verbIgnoreSignals,
		"junk":           verbJunk,
		"answer":         verbAnswer,
		"trace":          verbTrace,
		"half":           verbHalf,
		"exit":           func(_ *turn, arg string) error { return exitWith(arg, false) },
		"result-exit":    func(_ *turn, arg string) error { return exitWith(arg, true) },
		"die":            verbDie,
	}
}

// steps are what a prompt asks for.
func steps(text string) []step {
	var all []step
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		name, arg, _ := strings.Cut(line, ": ")
		verb, found := verbs[strings.TrimSuffix(name, ":")]
		switch {
		case found:
			all = append(all, step{verb, arg})
		case len(all) == 0:
			return []step{{verbEcho, text}}
		case strings.TrimSpace(line) != "":
			all = append(all, step{verbEcho, line})
		}
	}
	if len(all) == 0 {
		return []step{{verbEcho, text}}
	}
	return all
}

func verbEcho(t *turn, arg string) error {
	t.say("you said: " + arg)
	return nil
}

func verbSay(t *turn, arg string) error {
	t.say(arg)
	return nil
}

func verbThink(t *turn, arg string) error {
	t.out.add(t.assistantLine(object{"type", "thinking", "thinking", "let me think about " + arg, "signature", "c2lnbmVk"}))
	t.say(arg)
	return nil
}

func verbBigLine(t *turn, arg string) error {
	n, err := numbers(arg, 1)
	if err != nil {
		return err
	}
	t.say(strings.Repeat("x", n[0]))
	t.said = "bigline: " + arg
	return nil
}

func verbStderr(t *turn, arg string) error {
	_, _ = t.stderr.Write([]byte(arg + "\n"))
	t.say("said on standard error")
	return nil
}

func verbHistory(t *turn, _ string) error {
	data, err := json.Marshal(t.transcript.prompts())
	if err != nil {
		return err
	}
	t.say(string(data))
	return nil
}

// Report is what the verb `report` says, as JSON.
type Report struct {
	Argv  []string          `json:"argv"` // without the program's name
	Env   map[string]string `json:"env"`
	Cwd   string            `json:"cwd"`
	Files map[string]string `json:"files"` // contents, by the flag that names the file: --mcp-config
}

func verbReport(t *turn, _ string) error {
	data, err := t.report()
	if err != nil {
		return err
	}
	t.say(string(data))
	return nil
}

func (t *turn) report() ([]byte, error) {
	r := Report{Argv: t.argv, Env: map[string]string{}, Files: map[string]string{}}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		r.Env[name] = value
	}
	r.Cwd, _ = os.Getwd() // a deleted directory has no name
	for _, flag := range []string{"system-prompt-file", "append-system-prompt-file", "mcp-config", "settings"} {
		for _, path := range t.opts.values[flag] {
			if data, err := os.ReadFile(path); err == nil {
				r.Files["--"+flag] += string(data)
			}
		}
	}
	return json.Marshal(r)
}

// pollEvery is how often `wait: FILE` looks.
const pollEvery = 5 * time.Millisecond

func verbWait(t *turn, arg string) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if _, err := os.Stat(arg); err == nil {
			t.say("waited for " + arg)
			return nil
		}
		select {
		case <-tick.C:
		case <-t.ctx.Done():
			return nil
		}
	}
}

func verbSilence(t *turn, _ string) error {
	select {
	case <-t.ctx.Done():
	case <-t.eof:
	}
	return nil
}

// numbers reads up to atMost decimal numbers, one at least.
func numbers(arg string, atMost int) ([]int, error) {
	var all []int
	for f := range strings.FieldsSeq(arg) {
		n, err := strconv.ParseUint(f, 10, 31)
		if err != nil {
			return nil, apiError("a number was to stand here: " + err.Error())
		}
		all = append(all, int(n))
	}
	if len(all) == 0 || len(all) > atMost {
		return nil, apiError("wrong number of arguments: " + arg)
	}
	return all, nil
}
