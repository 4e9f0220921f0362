package scripted

import (
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sleeperSeconds is how long the processes of `spawn: N` live if nobody kills them.
const sleeperSeconds = "600"

func exitWith(arg string, withResult bool) error {
	n, err := numbers(arg, 1)
	if err != nil {
		return err
	}
	return &exitError{code: n[0], withResult: withResult}
}

func verbHalf(t *turn, arg string) error {
	t.out.raw([]byte(arg))
	return &exitError{}
}

var deadly = map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP}

func verbDie(t *turn, arg string) error {
	sig, found := deadly[arg]
	if !found {
		return apiError("die: no such signal here: " + arg)
	}
	t.pause()
	signal.Reset(sig)
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		return apiError(err.Error())
	}
	select {} // until the signal has come
}

func verbIgnoreSignals(t *turn, _ string) error {
	t.mu.Lock()
	t.deaf = true
	t.mu.Unlock()
	t.say("nothing but SIGKILL from here on")
	t.pause()
	for {
		time.Sleep(time.Hour)
	}
}

func verbSpawn(t *turn, arg string) error {
	n, err := numbers(arg, 1)
	if err != nil {
		return err
	}
	said := []string{"spawned"}
	for range n[0] {
		cmd := exec.Command("/bin/sleep", sleeperSeconds)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return apiError("spawn: " + err.Error())
		}
		said = append(said, strconv.Itoa(cmd.Process.Pid))
	}
	t.say(strings.Join(said, " "))
	return nil
}

func verbJunk(t *turn, _ string) error {
	deep := strings.Repeat(`{"a":[`, 5000) + strings.Repeat(`]}`, 5000)
	lines := []string{
		"this is no JSON", "", "   ", `{"type":"assistant","message":`, `[1,2,3]`, `"a text"`, `42`, `null`, `{}`,
		"\xff\xfe not UTF-8", `{"type":"system","text":"` + "\xc3\x28" + `"}`, "\x00\x01\x02", "{\"type\":\"keep_alive\"}\r",
		`{"type":"a_type_of_tomorrow","content":[1,{"x":null}]}`, `{"type":7}`, `{"type":"assistant"}`,
		`{"type":"assistant","message":"a text"}`, `{"type":"assistant","message":{"content":null}}`,
		`{"type":"assistant","message":{"content":[{"type":"a_block_of_tomorrow"},3]}}`,
		`{"type":"user","message":{"role":"user","content":"a text in place of blocks"}}`,
		`{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_x","content":[{"type":"image","source":{}}]}]}}`,
		`{"type":"control_request","request_id":"junk","request":{"subtype":"a_request_of_tomorrow"}}`,
		`{"type":"control_response","response":{"subtype":"success","request_id":"nobody asked"}}`,
		`{"type":"command_lifecycle","command_uuid":"nobody","state":"a_state_of_tomorrow"}`,
		`{"type":"assistant","type":"user"}`, deep,
	}
	for _, l := range lines {
		t.out.add([]byte(l))
	}
	t.say("that was junk")
	return nil
}
