package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// chart is a picture of how figures grow with something that grows tenfold and
// tenfold again: so its x axis is logarithmic.
type chart struct {
	title, x string
	ticks    []tick // of the x axis
	series   []series
	top      float64 // of the y axis, which begins at 0
	unit     string  // of the y axis
	band     [2]float64
	bandName string // what lies in the band; "": there is none
}

type tick struct {
	at   float64
	name string
}

type series struct {
	name, colour string
	points       [][2]float64
}

// The size of a picture, and of the frame in it.
const (
	chartWidth, chartHeight = 720.0, 360.0
	chartLeft, chartRight   = 70.0, 20.0
	chartTop, chartBottom   = 50.0, 50.0
)

// svg draws the chart, readable on light and on dark pages.
func (c *chart) svg() string {
	first, last := math.Log10(c.ticks[0].at), math.Log10(c.ticks[len(c.ticks)-1].at)
	x := func(v float64) float64 {
		return chartLeft + (math.Log10(v)-first)/(last-first)*(chartWidth-chartLeft-chartRight)
	}
	y := func(v float64) float64 {
		return chartHeight - chartBottom - v/c.top*(chartHeight-chartTop-chartBottom)
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	text := func(x, y float64, anchor, text string) {
		line(`<text x="%.0f" y="%.0f" text-anchor="%s" fill="#888">%s</text>`, x, y, anchor, text)
	}
	line(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="13">`, chartWidth, chartHeight)
	line(`<text x="%.0f" y="20" font-size="15" fill="#888">%s</text>`, chartLeft, c.title)
	if c.bandName != "" {
		line(`<rect x="%.0f" y="%.1f" width="%.0f" height="%.1f" fill="#888" opacity="0.15"/>`,
			chartLeft, y(c.band[1]), chartWidth-chartLeft-chartRight, y(c.band[0])-y(c.band[1]))
		text(chartWidth-chartRight-4, y(c.band[1])-4, "end", c.bandName)
	}
	for i := range 5 {
		v := c.top * float64(i) / 4
		line(`<line x1="%.0f" y1="%.1f" x2="%.0f" y2="%.1f" stroke="#888" opacity="0.3"/>`, chartLeft, y(v), chartWidth-chartRight, y(v))
		text(chartLeft-8, y(v)+4, "end", fmt.Sprintf("%.3g%s", v, c.unit))
	}
	for _, t := range c.ticks {
		text(x(t.at), chartHeight-chartBottom+20, "middle", t.name)
	}
	text((chartLeft+chartWidth-chartRight)/2, chartHeight-10, "middle", c.x)
	legend := chartLeft
	for _, s := range c.series {
		var points []string
		for _, p := range s.points {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(p[0]), y(p[1])))
			line(`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x(p[0]), y(p[1]), s.colour)
		}
		line(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.Join(points, " "), s.colour)
		line(`<text x="%.0f" y="38" fill="%s">%s</text>`, legend, s.colour, s.name)
		legend += 30 + 7*float64(len(s.name))
	}
	line(`</svg>`)
	return b.String()
}

// draw writes the pictures of a run, of what it has measured.
func (r *report) draw(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, c := range map[string]*chart{"growth.svg": r.growthChart(), "live.svg": r.liveChart()} {
		if len(c.series[0].points) < 2 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(c.svg()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// growthChart shows what becomes of speed while the database grows, against
// what it was with the fewest events.
func (r *report) growthChart() *chart {
	c := &chart{title: "With ever more events stored, against 10,000", x: "events stored", top: 1.6, unit: "×", band: [2]float64{0.85, 1.15}, bandName: "within 15 %",
		series: []series{{"ingest, events/s", "#2a7", nil}, {"page of a conversation, time", "#27c", nil}, {"list of sessions, time", "#c62", nil}}}
	for _, n := range grownTo {
		c.ticks = append(c.ticks, tick{float64(n), fmt.Sprintf("%dk", n/1000)})
		for i, name := range grown {
			if w, ok := r.find(fmt.Sprintf("growth-%s-%d", name, n)); ok {
				c.series[i].points = append(c.series[i].points, [2]float64{float64(n), min(w.Ratio, c.top)})
			}
		}
	}
	return c
}

// liveChart shows what sessions that wait take.
func (r *report) liveChart() *chart {
	c := &chart{title: "With ever more live sessions that wait", x: "live sessions", unit: " MB", series: []series{{"memory of the daemon", "#27c", nil}}}
	for _, n := range liveCounts {
		c.ticks = append(c.ticks, tick{float64(n), fmt.Sprint(n)})
		if w, ok := r.find(fmt.Sprintf("live-%d", n)); ok {
			c.series[0].points = append(c.series[0].points, [2]float64{float64(n), w.Figure})
			c.top = max(c.top, 20*math.Ceil(w.Figure/18))
		}
	}
	return c
}

// find returns the row with an id.
func (r *report) find(id string) (row, bool) {
	for _, w := range r.Rows {
		if w.ID == id {
			return w, true
		}
	}
	return row{}, false
}
