package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	ID     string  `json:"id"`
	What   string  `json:"what"`
	Figure float64 `json:"figure"`
	Unit   string  `json:"unit"`

	// Yardstick was measured in the same run, in the unit of the figure.
	Yardstick       string  `json:"yardstick"`
	YardstickFigure float64 `json:"yardstick_figure"`
	Ratio           float64 `json:"ratio"` // of the figure to the yardstick

	Goal   float64 `json:"goal"`            // of the figure, or of the ratio
	Most   bool    `json:"most"`            // the goal is an upper bound, else a lower one
	Judged judged  `json:"judged"`          // what the goal is about
	OK     bool    `json:"ok"`              //
	Noise  float64 `json:"noise,omitempty"` // how many times worse a ratio may be in another run
}

// judged says what a goal is about.
type judged string

const (
	byFigure judged = "figure"
	byRatio  judged = "ratio"
)

// defaultNoise is what two runs of the same program may differ by on a machine
// with other work to do.
const defaultNoise = 1.5

// report is what a run has found.
type report struct {
	Date string  `json:"date"`
	Go   string  `json:"go"`
	CPUs int     `json:"cpus"`
	OS   string  `json:"os"`
	Rows []row   `json:"rows"`
	Load float64 `json:"load"` // of the machine before the run
}

func (r *report) begin() {
	r.Date, r.Go, r.CPUs, r.OS = time.Now().UTC().Format(time.RFC3339), runtime.Version(), runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(data), &r.Load) // stays 0 where it is not told
	}
}

// add judges a row and keeps it.
func (r *report) add(w row) {
	if w.YardstickFigure != 0 {
		w.Ratio = w.Figure / w.YardstickFigure
	}
	if w.Judged == "" {
		w.Judged = byFigure
	}
	if w.Noise == 0 {
		w.Noise = defaultNoise
	}
	value := w.Figure
	if w.Judged == byRatio {
		value = w.Ratio
	}
	w.OK = value >= w.Goal
	if w.Most {
		w.OK = value <= w.Goal
	}
	r.Rows = append(r.Rows, w)
}

// print writes the table.
func (r *report) print(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	text := fmt.Sprintf("%s, %s, %s, %d CPUs, load %.2f before\n\nwhat\tgoal\tfigure\tyardstick\tratio\t\n", r.Date, r.Go, r.OS, r.CPUs, r.Load)
	for _, w := range r.Rows {
		text += fmt.Sprintf("%s\t%s\t%s\t%s\t%.3g\t%s\n", w.What, w.goal(), amount(w.Figure, w.Unit), w.yardstick(), w.Ratio, w.verdict())
	}
	if _, err := io.WriteString(t, text); err != nil {
		return err
	}
	return t.Flush()
}

func (w *row) goal() string {
	sign := ">="
	if w.Most {
		sign = "<="
	}
	if w.Judged == byRatio {
		return fmt.Sprintf("%s %.3g of it", sign, w.Goal)
	}
	return sign + " " + amount(w.Goal, w.Unit)
}

func (w *row) yardstick() string {
	if w.Yardstick == "" {
		return ""
	}
	return w.Yardstick + " " + amount(w.YardstickFigure, w.Unit)
}

func (w *row) verdict() string {
	if w.OK {
		return ""
	}
	return "MISSED"
}

// amount shows a figure with its unit, as short as it can be read.
func amount(v float64, unit string) string {
	s := fmt.Sprintf("%.3g", v)
	if v >= 1000 {
		s = fmt.Sprintf("%.0f", v)
	}
	return strings.TrimSpace(s + " " + unit)
}

// write keeps the figures for a later check, or for a picture.
func (r *report) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// check compares the ratios with those of a baseline.
func (r *report) check(path string) error {
	base, err := load(path)
	if err != nil {
		return fmt.Errorf("read the baseline: %w", err)
	}
	before := map[string]row{}
	for _, w := range base.Rows {
		before[w.ID] = w
	}
	var errs []error
	for _, w := range r.Rows {
		old, known := before[w.ID]
		if !known || old.Ratio == 0 {
			continue
		}
		worse := old.Ratio / w.Ratio
		if w.Most {
			worse = w.Ratio / old.Ratio
		}
		if worse > w.Noise {
			errs = append(errs, fmt.Errorf("%s: the ratio is %.3g, in the baseline %.3g: %.1f times worse", w.What, w.Ratio, old.Ratio, worse))
		}
	}
	return errors.Join(errs...)
}
