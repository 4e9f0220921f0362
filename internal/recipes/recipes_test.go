package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tests are the recipes of the page by name: each is run by its own line of usage.
var tests = map[string]func(w *world, usage string){
	"nightly.sh": nightly, "fanout.sh": fanOut, "approve.sh": approve, "desktop.sh": desktop, "budget.sh": budget,
	"retry.sh": retry, "talk.sh": talk, "results.sh": results, "mirror.sh": mirror,
}

// TestRecipes runs every script of docs/scripting.md, with the scripted claude.
func TestRecipes(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, r := range page(t) {
		found[r.name] = true
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			test := tests[r.name]
			if test == nil {
				t.Fatal("it has no test")
			}
			test(scriptedWorld(t), r.usage)
		})
	}
	for name := range tests {
		if !found[name] {
			t.Errorf("%s is not on the page", name)
		}
	}
}

// TestRealRecipes runs those with the real Claude Code that do most.
func TestRealRecipes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"fanout.sh", "nightly.sh", "talk.sh"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := realWorld(t)
			tests[name](w, w.usages[name])
		})
	}
}

func nightly(w *world, usage string) {
	if err := os.Mkdir(filepath.Join(w.home, "project"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	for range 2 { // called twice on a day, it starts one session
		w.ok(usage)
	}
	reports, err := filepath.Glob(filepath.Join(w.home, "project", "nightly-????-??-??.txt"))
	if err != nil || len(reports) != 1 || !strings.HasPrefix(w.read(reports[0]), "you said: Update the dependencies") {
		w.t.Errorf("%v, %v: %q", reports, err, w.read(reports[0]))
	}
	if got := w.ok("sessiond list --tag nightly --all --fields status,title,unattended,permission_mode"); !regexp.MustCompile(`^completed	nightly [-0-9]+	true	acceptEdits$`).MatchString(got) {
		w.t.Errorf("sessions:\n%s", got)
	}
}

func fanOut(w *world, usage string) {
	for i := range 10 {
		if err := os.MkdirAll(filepath.Join(w.work, "repos", fmt.Sprint("repo ", i)), 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
	w.ok(usage)
	answers := w.read(filepath.Join(w.work, "answers.txt"))
	for i := range 10 {
		want := fmt.Sprintf("repos/repo %d: completed\nyou said: Which licence is this under? One line.\n", i)
		if strings.Count(answers, want) != 1 {
			w.t.Errorf("%q is not there once:\n%s", want, answers)
		}
	}
	if n := strings.Count(w.ok("sessiond list --all --fields tags"), "fanout-"); n != 10 {
		w.t.Errorf("%d sessions", n)
	}
}

func approve(w *world, usage string) {
	ask := func(title, tool string) {
		w.ok("sessiond launch -d --title " + title + ` 'ask: ` + tool + ` {"file_path":"x","url":"x","command":"x"}'`)
	}
	w.ok("sessiond list") // so that there is a daemon, and `notify` begins before the questions
	cursor := filepath.Join(w.home, ".approve")
	stop := w.begin(usage)
	w.until("0", "cat "+cursor+" || echo none")
	ask("read", "Read")
	ask("fetch", "WebFetch")
	ask("other", "Bash")
	w.until("read	completed", "sessiond list --fields title,status")
	w.until("fetch	completed", "sessiond list --fields title,status")
	w.until("other	waiting_input", "sessiond list --fields title,status")
	stop()
	all := w.ok("sessiond approvals --all --json")
	for _, want := range []string{`"status":"approved".*"tool_name":"Read"|"tool_name":"Read".*"status":"approved"`,
		`"tool_name":"WebFetch".*"status":"denied"|"status":"denied".*"tool_name":"WebFetch"`,
		`"tool_name":"Bash".*"status":"pending"|"status":"pending".*"tool_name":"Bash"`, "reading is allowed", "there is no network here"} {
		if !regexp.MustCompile(want).MatchString(all) {
			w.t.Errorf("%s is not there:\n%s", want, all)
		}
	}
}

// desktop has a program that stands in for the desktop's.
func desktop(w *world, usage string) {
	shown := filepath.Join(w.home, "shown")
	for _, program := range []string{"notify-send", "osascript"} {
		w.write(filepath.Join(w.home, "stand-in", program), "#!/bin/sh\nprintf '%s|' \"$@\" >>'"+shown+"'\necho >>'"+shown+"'\n")
	}
	w.ok("sessiond list")
	stop := w.begin(usage, "DISPLAY=:none", "PATH="+filepath.Join(w.home, "stand-in")+":"+filepath.Dir(sessiond)+":"+os.Getenv("PATH"))
	// It begins with what happens next: until it has begun, sessions are launched that ask.
	for i := 0; !strings.Contains(w.read(shown), "|asks: Bash make it|"); i++ {
		if i > 200 {
			w.t.Fatalf("nothing is shown: %q", w.read(shown))
		}
		w.ok(`sessiond launch -d --title 'the one' 'ask: Bash {"command":"make it"}'`)
	}
	w.sh("sessiond launch --wait --title broken 'exit: 3'")
	w.until("broken|failed: ", "cat "+shown)
	out := stop()
	if !strings.Contains(out, "the one  asks: Bash make it\n  sessiond approve ") || !strings.Contains(out, "broken  failed: ") {
		w.t.Errorf("it prints\n%s", out)
	}
	if !strings.Contains(w.read(shown), "|the one|asks: Bash make it|") {
		w.t.Errorf("shown is\n%s", w.read(shown))
	}
}

func budget(w *world, usage string) {
	usage = strings.Replace(usage, "5.00", "0.0001", 1) // what a scripted turn costs is little
	w.ok("sessiond list")
	stop := w.begin(usage)
	w.until("0", "cat "+filepath.Join(w.home, ".budget")+" || echo none")
	dear := w.ok("sessiond launch -d --interactive 'tools: 3'")
	w.until("interrupted", "sessiond show --field status "+dear+" | sed s/completed/interrupted/")
	if out := stop(); !strings.Contains(out, "over 0.0001 dollars: ") || !strings.Contains(out, dear) {
		w.t.Errorf("it prints\n%s", out)
	}
}

func retry(w *world, usage string) {
	file := filepath.Join(w.work, "there")
	w.write(file, "")
	id := w.ok("sessiond launch -d 'exit: 3'")
	last := w.ok(usage, "ID="+id, "PAUSES=0 0 0")
	if got := w.ok("sessiond show --field status " + last); last == id || got != "completed" {
		w.t.Errorf("%s is %s", last, got)
	}
	if got := w.ok("sessiond show --field parent_session_id " + last); got != id {
		w.t.Errorf("it continues %s, not %s", got, id)
	}
	// What goes on failing is given up, and what was interrupted is left alone.
	id = w.ok("sessiond launch -d 'exit: 3'")
	out, errs, code := w.sh(usage, "ID="+id, "PAUSES=")
	if code != 4 || strings.TrimSpace(out) != id {
		w.t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	id = w.ok("sessiond launch -d silence")
	w.ok("sessiond end --force " + id)
	if out, errs, code = w.sh(usage, "ID="+id, "PAUSES=0 0 0"); code != 5 || strings.TrimSpace(out) != id {
		w.t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}

func talk(w *world, usage string) {
	w.write(filepath.Join(w.work, "questions.txt"), "one\n-two $(touch pwned)\nthree\n")
	if got := w.ok(usage); got != "you said: one\nyou said: -two $(touch pwned)\nyou said: three" {
		w.t.Errorf("answers:\n%s", got)
	}
	w.until("completed", "sessiond list --fields status")
	if _, err := os.Stat(filepath.Join(w.work, "pwned")); err == nil {
		w.t.Error("what was said was run")
	}
}

func results(w *world, usage string) {
	w.ok("sessiond launch --wait --tag nightly --title first 'say: one'")
	w.ok("sessiond launch --wait --tag nightly 'say: two'")
	w.ok("sessiond launch --wait 'say: another'")
	if got := w.ok(usage); !regexp.MustCompile(`^2 sessions, 0\.\d{4} dollars$`).MatchString(got) || strings.Contains(got, "0.0000") {
		w.t.Errorf("it prints %q", got)
	}
	dir := filepath.Join(w.home, "results")
	index := strings.Split(strings.TrimSpace(w.read(filepath.Join(dir, "index.tsv"))), "\n")
	if len(index) != 2 {
		w.t.Fatalf("index: %q", index)
	}
	for i, want := range []string{"two\n", "one\n"} {
		columns := strings.Split(index[i], "\t")
		if len(columns) != 5 || columns[1] != "completed" || w.read(filepath.Join(dir, columns[0]+".txt")) != want {
			w.t.Errorf("%q, want %q", columns, want)
		}
	}
}

func mirror(w *world, usage string) {
	w.ok("sessiond launch --wait 'say: one'")
	file := filepath.Join(w.home, "events.jsonl")
	stop := w.begin(usage)
	w.until(`"new_status":"completed"`, "cat "+file)
	stop()
	whole := w.read(file)
	w.write(file, whole[:len(whole)-20]) // as after a crash
	w.ok("sessiond launch --wait 'say: two'")
	stop = w.begin(usage)
	w.until(`"status":"completed"`, `grep '"query":"say: two"' `+file)
	stop()
	again := w.read(file)
	if log := w.ok(fmt.Sprintf("sessiond watch --json --after 0 | head -n %d", strings.Count(again, "\n"))); log != strings.TrimSpace(again) || !strings.HasPrefix(again, whole) {
		w.t.Errorf("it has\n%.5000s\nthe log is\n%.5000s", again, log)
	}
}
