package terminal

import (
	"fmt"
	"image/color"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
)

// The size of a cell in a picture, in pixels, and its margin.
const (
	cellWidth, cellHeight = 8.4, 16.5
	fontSize, margin      = 14, 12.0
)

// SVG is a picture of the screen, made of its cells.
func (term *Terminal) SVG() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	width, height := float64(term.columns)*cellWidth+2*margin, float64(term.lines)*cellHeight+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.1f %.1f" font-family="ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="%d">`+"\n",
		width, height, fontSize)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", hex(term.emu.BackgroundColor()))
	for y := range term.lines {
		term.svgLine(&b, y)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// rule is drawn cell by cell: it has to stand exactly above the next one.
const rule = "│"

// svgLine draws one line: cells that look the same together. Blank ones look like
// any, however they came about.
func (term *Terminal) svgLine(b *strings.Builder, y int) {
	for x := 0; x < term.columns; {
		first := term.cell(x, y)
		start, content := x, first.Content
		x += max(first.Width, 1)
		for x < term.columns && first.Width == 1 && !blank(first) && first.Content != rule {
			c := term.cell(x, y)
			if c.Content == rule {
				break
			}
			space := c.Content == " " && first.Style.Attrs&uv.AttrReverse == 0 && c.Style.Equal(&uv.Style{Bg: first.Style.Bg})
			if c.Width != 1 || !blank(c) && !space && !c.Style.Equal(&first.Style) || blank(c) && first.Style.Bg != nil {
				break
			}
			content += c.Content
			x++
		}
		trimmed := strings.TrimRight(content, " ")
		columns := x - start
		if first.Style.Bg == nil && first.Style.Attrs&uv.AttrReverse == 0 {
			columns -= len(content) - len(trimmed)
			content = trimmed
		}
		if !blank(first) {
			term.svgRun(b, start, columns, y, content, first.Style)
		}
	}
}

// blank reports whether nothing is to be seen of a cell.
func blank(c uv.Cell) bool {
	return c.Content == " " && c.Style.Bg == nil && c.Style.Attrs&uv.AttrReverse == 0 && c.Style.Underline == uv.UnderlineNone
}

func (term *Terminal) cell(x, y int) uv.Cell {
	c := term.emu.CellAt(x, y)
	if c == nil || c.Content == "" {
		return uv.EmptyCell
	}
	cell := *c
	if cell.Content == " " && cell.Style.Attrs&uv.AttrReverse == 0 && cell.Style.Underline == uv.UnderlineNone {
		cell.Style = uv.Style{Bg: cell.Style.Bg} // whether it was written or erased
	}
	return cell
}

func (term *Terminal) svgRun(b *strings.Builder, x, columns, y int, content string, st uv.Style) {
	fore, back := st.Fg, st.Bg
	if fore == nil {
		fore = term.emu.ForegroundColor()
	}
	if st.Attrs&uv.AttrReverse != 0 {
		if back == nil {
			back = term.emu.BackgroundColor()
		}
		fore, back = back, fore
	}
	left, top := margin+float64(x)*cellWidth, margin+float64(y)*cellHeight
	if back != nil {
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", left, top, float64(columns)*cellWidth+0.2, cellHeight, hex(back))
	}
	if strings.TrimSpace(content) == "" {
		return
	}
	attrs := ""
	if st.Attrs&uv.AttrBold != 0 {
		attrs += ` font-weight="bold"`
	}
	if st.Attrs&uv.AttrItalic != 0 {
		attrs += ` font-style="italic"`
	}
	if st.Attrs&uv.AttrFaint != 0 {
		attrs += ` opacity="0.65"`
	}
	if st.Underline != uv.UnderlineNone {
		attrs += ` text-decoration="underline"`
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" textLength="%.1f" xml:space="preserve" fill="%s"%s>%s</text>`+"\n", left, top+cellHeight-4,
		float64(columns)*cellWidth, hex(fore), attrs, escape.Replace(content))
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func hex(c color.Color) string {
	r, g, bl, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, bl>>8)
}
