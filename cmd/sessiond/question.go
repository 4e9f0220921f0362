package main

import (
	"fmt"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// asks shows a question, with its options numbered.
func (v *view) asks(q plain.Question) {
	head := cleanLine(q.Question)
	if q.Header != "" {
		head = cleanLine(q.Header) + ": " + head
	}
	v.printf("%s\n", v.style(styleYellow, "? "+head))
	for i, o := range q.Options {
		text := fmt.Sprintf("  %d  %s", i+1, cleanLine(o.Label))
		if o.Description != "" {
			text += v.style(styleDim, "  "+cleanLine(o.Description))
		}
		v.printf("%s\n", text)
	}
	if q.MultiSelect {
		v.note("  several may be chosen: 1,2")
	}
}

// maxInputLines is how much of an input is shown where it is asked about.
const maxInputLines = 40

// wants shows a tool that asks whether it may run, and with what: all of it,
// for what is not seen cannot be approved.
func (v *view) wants(q api.Approval) {
	head := "? may " + cleanLine(q.ToolName) + " run"
	lines := inputLines(q.ToolInput)
	if gist := cleanLine(inputText(q.ToolInput)); len(lines) == 1 && v.fit(gist, columns(head)+2) == gist {
		v.printf("%s  %s\n", v.style(styleYellow, head), gist)
		return
	}
	v.printf("%s\n", v.style(styleYellow, head))
	if more := len(lines) - maxInputLines; more > 0 {
		lines = append(lines[:maxInputLines], fmt.Sprintf("… and %d lines more: sessiond approvals --json", more))
	}
	for _, line := range lines {
		v.printf("  %s\n", line)
	}
}
