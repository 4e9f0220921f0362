package scripted

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object as names and values in turn; they keep their order,
// because hosts must not rely on any.
type object []any

// list is a JSON array.
type list []any

// appendJSON appends a value to b.
func appendJSON(b []byte, value any) []byte {
	switch v := value.(type) {
	case object:
		b = append(b, '{')
		for i := 0; i < len(v); i += 2 {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, v[i].(string)), ':')
			b = appendJSON(b, v[i+1])
		}
		return append(b, '}')
	case list:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case json.RawMessage:
		return append(b, v...)
	default:
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // only numbers, booleans and lists of texts come here
		}
		return append(b, data...)
	}
}

// appendString appends a quoted text; what is not UTF-8 in it is replaced.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

func (o object) line() []byte { return appendJSON(nil, o) }
