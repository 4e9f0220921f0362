package traces_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/traces"
)

func TestEveryVersionIsRecorded(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(slices.Values(claudecli.Versions()))
	if diff := cmp.Diff(want, traces.Versions()); diff != "" {
		t.Fatalf("run `make traces`\n%s", diff)
	}
	if diff := cmp.Diff(traces.Names(claudecli.Pinned), traces.Names(claudecli.Kept)); diff != "" {
		t.Errorf("the versions were not played the same scenarios\n%s", diff)
	}
	if len(traces.Names(claudecli.Pinned)) < 20 {
		t.Error("there are few traces")
	}
}

func TestTracesAreLinesOfObjects(t *testing.T) {
	t.Parallel()
	for _, version := range traces.Versions() {
		for _, name := range traces.Names(version) {
			checkLines(t, version+"/"+name+".out", traces.Out(version, name))
			if in := traces.In(version, name); name != "unknown_conversation" {
				checkLines(t, version+"/"+name+".in", in)
			}
		}
	}
}

func checkLines(t *testing.T, name string, data []byte) {
	t.Helper()
	if !bytes.HasSuffix(data, []byte("}\n")) {
		t.Errorf("%s does not end with a line", name)
	}
	for line := range bytes.Lines(data) {
		var l struct{ Type string }
		if err := json.Unmarshal(line, &l); err != nil || l.Type == "" {
			t.Errorf("%s: %v: %.80s", name, err, line)
		}
	}
}

func TestNothingOfTheRecordingMachineIsLeft(t *testing.T) {
	t.Parallel()
	for _, version := range traces.Versions() {
		for _, name := range traces.Names(version) {
			text := strings.ReplaceAll(string(traces.Out(version, name)), "/home/user/tmp/", "")
			for _, word := range []string{"/tmp/", "/root", "/Users/", "/var/folders/"} {
				if strings.Contains(text, word) {
					t.Errorf("%s/%s holds %s", version, name, word)
				}
			}
		}
	}
}

func TestUnknownTraceIsNil(t *testing.T) {
	t.Parallel()
	if traces.Out("0.0.0", "x") != nil || traces.In(claudecli.Pinned, "../x") != nil || traces.Names("0.0.0") != nil {
		t.Error("something was found where nothing is")
	}
}
