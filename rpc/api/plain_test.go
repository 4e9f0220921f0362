package api

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// TestTextIsQuotedAsEverywhere puts every byte, and pieces of text that are odd, at
// every place of texts of every length.
func TestTextIsQuotedAsEverywhere(t *testing.T) {
	t.Parallel()
	check := func(s string) {
		want, _ := jsontext.AppendQuote(nil, s)
		if got := appendText(nil, s); string(got) != string(want) {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				b := []byte(strings.Repeat("x", length))
				b[at] = byte(c)
				check(string(b))
			}
			for _, odd := range []string{"é", "\u2028", "😀", "\xff\xfe", "\xc3", `\"`, "\x7f"} {
				check(strings.Repeat("y", at) + odd + strings.Repeat("z", length-at))
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune{'a', ' ', '!', '"', '#', '[', '\\', ']', 0x7f, 0x80, 0xff, 1}))).Draw(rt, "s")
		want, _ := jsontext.AppendQuote(nil, s)
		if got := appendText(nil, s); string(got) != string(want) {
			rt.Fatalf("%q: got %s, want %s", s, got, want)
		}
	})
}

// BenchmarkText appends a text of 280 bytes, as most are.
func BenchmarkText(b *testing.B) {
	s, buf := strings.Repeat("a text ", 40), make([]byte, 0, 512)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		appendText(buf, s)
	}
}
