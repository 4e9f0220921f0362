package main

import "strings"

// cell is one field of a table.
type cell struct {
	text  string // clean
	style style
}

// table prints rows below a header, in columns as wide as they have to be.
// The last column is cut to the width of the terminal; the header goes only to a terminal.
func (p *printer) table(header []string, rows [][]cell) {
	widths := make([]int, len(header))
	if p.terminal {
		for i, h := range header {
			widths[i] = columns(h)
		}
	}
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], columns(c.text))
		}
	}
	if p.terminal {
		head := make([]cell, len(header))
		for i, h := range header {
			head[i] = cell{h, styleDim}
		}
		p.row(head, widths)
	}
	for _, row := range rows {
		p.row(row, widths)
	}
}

func (p *printer) row(row []cell, widths []int) {
	used := 0
	var line strings.Builder
	for i, c := range row {
		if i == len(row)-1 {
			if p.width > 0 {
				c.text = cut(c.text, max(p.width-used, 8))
			}
			line.WriteString(p.style(c.style, c.text))
			break
		}
		line.WriteString(p.style(c.style, c.text))
		line.WriteString(strings.Repeat(" ", widths[i]-columns(c.text)+2))
		used += widths[i] + 2
	}
	p.printf("%s\n", strings.TrimRight(line.String(), " "))
}
