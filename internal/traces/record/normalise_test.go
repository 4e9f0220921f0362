package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNormaliser(t *testing.T) {
	t.Parallel()
	const first, second = "0da5eaf9-05a4-43be-91d3-770e4c34e97f", "416297ec-0015-47e5-92ed-19fe5ff867ab"
	lines := `{"uuid":"` + first + `","cwd":"/tmp/rec.1/project","slug":"-tmp-rec-1-project","z":1.50,"a":"` + second + `"}
{"id":"` + first + `","duration_ms":77,"retry_delay_ms":5.25,"end_time":1795228211904,"pid":12,"timestamp":"2026-11-21T02:30:05.647Z","given":"` + messageID(3) + `"}
{"task_id":"abc","agent":"abc","skills":["a","b","c"],"tools":["a","b","c"],"x":{"agents":[{"n":1},{"n":2},{"n":3}]},"empty":[],"none":{}}
{"text":"gateway (127.0.0.1:4711)","path":"/claude-0/x"}
`
	want := `{"uuid":"11111111-1111-4111-8111-000000000001","cwd":"/home/user/project","slug":"-home-user-project","z":1.50,"a":"11111111-1111-4111-8111-000000000002"}
{"id":"11111111-1111-4111-8111-000000000001","duration_ms":100,"retry_delay_ms":100,"end_time":1767225600000,"pid":4242,"timestamp":"2026-01-01T00:00:00.000Z","given":"00000000-0000-4000-8000-000000000003"}
{"task_id":"task000001","agent":"task000001","skills":["a","b"],"tools":["a","b","c"],"x":{"agents":[{"n":1},{"n":2}]},"empty":[],"none":{}}
{"text":"gateway (127.0.0.1:8080)","path":"/claude-1000/x"}
`
	got, err := newNormaliser("/tmp/rec.1", "http://127.0.0.1:4711", []byte(lines)).apply([]byte(lines))
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestScenariosHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range scenarios {
		if seen[s.name] {
			t.Errorf("%s is there twice", s.name)
		}
		seen[s.name] = true
	}
}
