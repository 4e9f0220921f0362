package tui

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	table "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// maxMarkdown is up to how many bytes of text are rendered: what is longer is
// shown as it is, for it would take too long.
const maxMarkdown = 128 << 10

// markdown renders texts for a terminal. (glamour would do it too. But this
// program is also the shim of each session, which lives as long as that, and
// glamour's tables of languages would cost each process 80 ms and 15 MB at
// its start.)
type markdown struct {
	th     *theme
	parser goldmark.Markdown
}

func newMarkdown(t *theme) *markdown {
	return &markdown{t, goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList))}
}

// render renders a text, from anywhere, to lines of that width at most.
func (m *markdown) render(source string, width int) []string {
	source = plain.Clean(bounded(source))
	if len(source) > maxMarkdown {
		return wrap(source, width)
	}
	p := &page{markdown: m, source: []byte(tabs.Replace(source))}
	return trimBlank(p.blocks(p.parser.Parser().Parse(text.NewReader(p.source)), width, false))
}

// page is one text that is rendered.
type page struct {
	*markdown
	source []byte
}

// blocks renders the blocks in n below each other, with a line between them
// unless they are tight.
func (p *page) blocks(n ast.Node, width int, tight bool) (lines []string) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if len(lines) > 0 && !tight {
			lines = append(lines, "")
		}
		lines = append(lines, p.block(c, max(width, 4))...)
	}
	return lines
}

func (p *page) block(n ast.Node, width int) []string {
	switch n := n.(type) {
	case *ast.Heading:
		mark := strings.Repeat("#", n.Level) + " "
		return marked(p.th.accent.Bold(true).Render(mark), p.flow(n, p.th.accent.Bold(true), width-len(mark)))
	case *ast.List:
		return p.list(n, width)
	case *ast.Blockquote:
		lines := p.blocks(n, width-2, false)
		for i, line := range lines {
			lines[i] = p.th.dim.Render("│ ") + line
		}
		return lines
	case *ast.FencedCodeBlock, *ast.CodeBlock, *ast.HTMLBlock:
		return p.code(n, width)
	case *ast.ThematicBreak:
		return []string{p.th.dim.Render(strings.Repeat("─", min(width, 40)))}
	case *table.Table:
		return p.table(n, width)
	}
	return p.flow(n, p.th.text, width)
}

// code shows lines as they are.
func (p *page) code(n ast.Node, width int) []string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(p.source))
	}
	return marked("  ", styled(p.th.code, wrap(b.String(), width-2)))
}

func (p *page) list(n *ast.List, width int) (lines []string) {
	number := n.Start
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		mark := "• "
		if n.IsOrdered() {
			mark = fmt.Sprintf("%d. ", number)
			number++
		}
		item := p.blocks(c, width-len([]rune(mark)), n.IsTight)
		if len(item) == 0 {
			item = []string{""}
		}
		if len(lines) > 0 && !n.IsTight {
			lines = append(lines, "")
		}
		lines = append(lines, marked(p.th.accent.Render(mark), item)...)
	}
	return lines
}

// table shows cells in columns as wide as they have to be, and can be.
func (p *page) table(n *table.Table, width int) (lines []string) {
	var rows [][]string
	var widths []int
	for r := n.FirstChild(); r != nil; r = r.NextSibling() {
		st := p.th.text
		if r.Kind() == table.KindTableHeader {
			st = p.th.bold
		}
		var row []string
		for c := r.FirstChild(); c != nil; c = c.NextSibling() {
			cell := strings.ReplaceAll(p.inline(c, st), "\n", " ")
			if len(widths) == len(row) {
				widths = append(widths, 0)
			}
			widths[len(row)] = max(widths[len(row)], ansi.StringWidth(cell))
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	narrow(widths, width-3*(len(widths)-1))
	for i, row := range rows {
		for j := range row {
			row[j] = fill(row[j], widths[j])
		}
		lines = append(lines, trimRight(strings.Join(row, p.th.dim.Render(" │ "))))
		if i == 0 {
			rules := make([]string, len(widths))
			for j, w := range widths {
				rules[j] = strings.Repeat("─", w)
			}
			lines = append(lines, p.th.dim.Render(strings.Join(rules, "─┼─")))
		}
	}
	return lines
}

// narrow takes from the widest columns until all fit.
func narrow(widths []int, room int) {
	for sum(widths) > room {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= 3 {
			return
		}
		widths[widest]--
	}
}

func sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

// flow renders text that flows.
func (p *page) flow(n ast.Node, st lipgloss.Style, width int) []string {
	return strings.Split(lipgloss.Wrap(p.inline(n, st), max(width, 4), ""), "\n")
}

// inline renders what is in n, in a style. Line ends stay: models mean them.
func (p *page) inline(n ast.Node, st lipgloss.Style) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		b.WriteString(p.span(c, st))
	}
	return b.String()
}

func (p *page) span(n ast.Node, st lipgloss.Style) string {
	switch n := n.(type) {
	case *ast.Text:
		s := paint(st, p.unescape(n.Value(p.source)))
		if n.SoftLineBreak() || n.HardLineBreak() {
			s += "\n"
		}
		return s
	case *ast.String:
		return paint(st, p.unescape(n.Value))
	case *ast.CodeSpan:
		var b strings.Builder
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			if t, ok := c.(*ast.Text); ok {
				b.Write(t.Value(p.source))
			}
		}
		mark := ""
		if !p.th.colors {
			mark = "`"
		}
		return paint(p.th.code, plain.Line(mark+b.String()+mark))
	case *ast.Emphasis:
		if n.Level > 1 {
			return p.inline(n, st.Bold(true))
		}
		return p.inline(n, st.Italic(true))
	case *table.Strikethrough:
		return p.inline(n, st.Strikethrough(true))
	case *table.TaskCheckBox:
		return map[bool]string{true: "[x] ", false: "[ ] "}[n.IsChecked]
	case *ast.Link:
		return p.link(p.inline(n, st.Underline(true)), string(n.Destination))
	case *ast.Image:
		return p.link("[image: "+p.inline(n, st)+"]", string(n.Destination))
	case *ast.AutoLink:
		return paint(st.Underline(true), plain.Line(string(n.URL(p.source))))
	case *ast.RawHTML:
		return paint(p.th.dim, plain.Clean(string(n.Segments.Value(p.source))))
	}
	return p.inline(n, st)
}

// link shows where a link leads, unless its text says so.
func (p *page) link(label, to string) string {
	if to = plain.Line(to); to == "" || ansi.Strip(label) == to {
		return label
	}
	return label + p.th.dim.Render(" ("+to+")")
}

// unescape makes of text in markdown what it means: \* and &lt;. Characters by
// their number stay as they are written: they could be any.
func (p *page) unescape(b []byte) string {
	return plain.Clean(string(util.ResolveEntityNames(util.UnescapePunctuations(b))))
}

// paint gives text a style, line by line.
func paint(st lipgloss.Style, s string) string {
	return strings.Join(styled(st, strings.Split(s, "\n")), "\n")
}
