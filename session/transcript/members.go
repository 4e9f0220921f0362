package transcript

import (
	"unsafe"

	"github.com/tidwall/gjson"
)

// members are what is looked at of a line, beside what package claude looks at.
// They share the line's memory.
type members struct {
	sessionID, requestSessionID, timestamp, cwd, permissionMode string
	isMeta, isCompactSummary, isAPIError                        bool
	message, content, durationMS, title, leaf, cost, modelUsage gjson.Result
}

// membersOf reads a line that is known to be a JSON object.
func membersOf(line []byte) (m members) {
	object := unsafe.String(unsafe.SliceData(line), len(line)) // #nosec G103 -- nobody ever changes a line
	gjson.Parse(object).ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "sessionId":
			m.sessionID = value.Str
		case "requestSessionId":
			m.requestSessionID = value.Str
		case "timestamp":
			m.timestamp = value.Str
		case "cwd":
			m.cwd = value.Str
		case "permissionMode":
			m.permissionMode = value.Str
		case "isMeta":
			m.isMeta = value.Type == gjson.True
		case "isCompactSummary":
			m.isCompactSummary = value.Type == gjson.True
		case "isApiErrorMessage":
			m.isAPIError = value.Type == gjson.True
		case "message":
			m.message = value
		case "content":
			m.content = value
		case "durationMs":
			m.durationMS = value
		case "customTitle", "aiTitle", "summary":
			m.title = value
		case "leafUuid":
			m.leaf = value
		case "totalCostUSD":
			m.cost = value
		case "modelUsage":
			m.modelUsage = value
		}
		return true
	})
	return m
}
