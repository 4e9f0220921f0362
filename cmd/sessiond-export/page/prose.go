package page

import (
	"bytes"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// What a text may have to be taken for Markdown; what has more is shown as it is,
// for it would take too long, and nobody would have written it.
const (
	maxProse  = 64 << 10 // bytes
	maxLinks  = 2000
	maxQuoted = 100 // marks on a line
)

// legible reports whether a text is taken for Markdown.
func legible(s string) bool {
	if len(s) > maxProse || strings.Count(s, "](") > maxLinks {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if strings.Count(line, ">") > maxQuoted {
			return false
		}
	}
	return true
}

// commonmark reads Markdown as GitHub does.
var commonmark = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList)).Parser()

// prose makes a text from elsewhere, which is Markdown, a part of a page in
// Markdown: lines that begin with prefix, a number of "> ". What in it is HTML, an
// image, or a link that leads elsewhere than to the web or to a mailbox is made
// text by a backslash; its headings go below those of the page; and nothing in it
// goes on behind its end. Where that cannot be had it is shown as it is, in a fence.
func prose(prefix, s string) string {
	s = strings.Trim(plain.Clean(s), "\n")
	if legible(s) {
		page := demote([]byte(quote(prefix, s)))
		for range 8 { // a backslash may make text of what hid other things
			edits := disarm(page)
			if len(edits) == 0 {
				if closed, ok := closed(prefix, page); ok {
					return string(closed)
				}
				break
			}
			page = apply(page, edits)
		}
	}
	return quote(prefix, fence("text", s))
}

// quote begins each line with prefix, and ends each.
func quote(prefix, s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(prefix) + 1)
	for line := range strings.SplitSeq(s, "\n") {
		if line == "" {
			b.WriteString(strings.TrimRight(prefix, " "))
		} else {
			b.WriteString(prefix)
			b.WriteString(line)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// fence puts a text, which is clean, between fences that are longer than any in it.
func fence(info, s string) string {
	marks := strings.Repeat("`", max(3, longest(s, '`')+1))
	return marks + info + "\n" + s + "\n" + marks
}

// longest is the length of the longest run of a character.
func longest(s string, mark byte) (most int) {
	run := 0
	for i := range len(s) {
		if s[i] != mark {
			run = 0
			continue
		}
		run++
		most = max(most, run)
	}
	return most
}

// code puts a short text between backticks.
func code(s string) string {
	s = plain.Line(s)
	if s == "" {
		return ""
	}
	marks := strings.Repeat("`", longest(s, '`')+1)
	if len(marks) > 1 {
		return marks + " " + s + " " + marks
	}
	return marks + s + marks
}

// escape makes a short text mean itself in Markdown, within a line.
func escape(s string) string {
	var b strings.Builder
	for _, r := range plain.Line(s) {
		if strings.ContainsRune("\\`*_[]<>#|~&!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// edit puts text into a page, before the byte at.
type edit struct {
	at   int
	text string
}

func apply(page []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at - b.at })
	var out bytes.Buffer
	done := 0
	for i, e := range edits {
		if i > 0 && e == edits[i-1] {
			continue
		}
		out.Write(page[done:e.at])
		out.WriteString(e.text)
		done = e.at
	}
	out.Write(page[done:])
	return out.Bytes()
}

// span is a piece of a page.
type span struct{ start, stop int }

// demote puts the headings of a page below those of the page that it becomes a part of.
func demote(page []byte) []byte {
	var edits []edit
	_ = ast.Walk(commonmark.Parse(text.NewReader(page)), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function has no errors
		if h, ok := n.(*ast.Heading); ok && entering && marked(page, h) {
			edits = append(edits, edit{h.Pos(), "##"[:max(0, min(2, 6-h.Level))]})
		}
		return ast.WalkContinue, nil
	})
	return apply(page, edits)
}

// marked reports whether a heading begins with "#", and is not underlined.
func marked(page []byte, h *ast.Heading) bool {
	at := h.Pos()
	return at >= 0 && at < len(page) && page[at] == '#'
}

// disarm says what has to be put into a page for it to be harmless.
func disarm(page []byte) (edits []edit) {
	var kept []span // means nothing but itself
	keep := func(s text.Segment) { kept = append(kept, span{s.Start, s.Stop}) }
	doc := commonmark.Parse(text.NewReader(page))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function has no errors
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			for i := range n.Lines().Len() {
				keep(n.Lines().At(i))
			}
		case *ast.CodeSpan:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				if t, ok := c.(*ast.Text); ok {
					keep(t.Segment)
				}
			}
		case *ast.AutoLink:
			if leads(string(n.URL(page))) {
				kept = append(kept, span{n.Pos(), n.Pos() + 1})
			}
		case *ast.Link:
			if !leads(string(n.Destination)) {
				edits = append(edits, edit{n.Pos(), `\`})
			}
		case *ast.LinkReferenceDefinition:
			if !leads(string(n.Destination)) {
				edits = append(edits, edit{n.Pos(), `\`})
			}
		case *ast.Heading:
			if n.Level < 3 && marked(page, n) { // one that was none before
				edits = append(edits, edit{n.Pos(), "##"})
			}
		}
		return ast.WalkContinue, nil
	})
	return append(edits, active(page, kept)...)
}

// active finds what could begin HTML, an image or a character by its number,
// outside of what is kept.
func active(page []byte, kept []span) (edits []edit) {
	slices.SortFunc(kept, func(a, b span) int { return a.start - b.start })
	for i := 0; i+1 < len(page); i++ {
		for len(kept) > 0 && kept[0].stop <= i {
			kept = kept[1:]
		}
		if len(kept) > 0 && kept[0].start <= i {
			i = kept[0].stop - 1
			continue
		}
		next := page[i+1]
		switch page[i] {
		case '\\':
			if next != '\n' {
				i++ // what it stands before means itself already
			}
		case '<':
			if next == '/' || next == '!' || next == '?' || next|0x20 >= 'a' && next|0x20 <= 'z' {
				edits = append(edits, edit{i, `\`})
			}
		case '!':
			if next == '[' {
				edits = append(edits, edit{i, `\`})
			}
		case '&':
			if next == '#' {
				edits = append(edits, edit{i, `\`})
			}
		}
	}
	return edits
}

// leads reports whether an address is one that a page may lead to.
func leads(to string) bool {
	to = strings.ToLower(to)
	for _, scheme := range []string{"http://", "https://", "mailto:"} {
		if strings.HasPrefix(to, scheme) {
			return true
		}
	}
	return false
}

// closed makes sure that what stands behind a page is no part of it: it ends the
// code block that has no end.
func closed(prefix string, page []byte) ([]byte, bool) {
	if ends(prefix, page) {
		return page, true
	}
	for _, mark := range []byte{'`', '~'} {
		marks := strings.Repeat(string(mark), max(3, longest(string(page), mark)))
		if with := append(bytes.Clone(page), prefix+marks+"\n"...); ends(prefix, with) && len(disarm(with)) == 0 {
			return with, true
		}
	}
	return nil, false
}

// ends reports whether a paragraph behind a page would stand for itself.
func ends(prefix string, page []byte) bool {
	const behind = "behind"
	page = append(bytes.Clone(page), strings.TrimRight(prefix, " ")+"\n"+prefix+behind+"\n"...)
	n := commonmark.Parse(text.NewReader(page)).LastChild()
	for range strings.Count(prefix, ">") {
		q, ok := n.(*ast.Blockquote)
		if !ok {
			return false
		}
		n = q.LastChild()
	}
	p, ok := n.(*ast.Paragraph)
	return ok && p.Lines().Len() == 1 && strings.TrimSpace(string(p.Lines().Value(page))) == behind
}
