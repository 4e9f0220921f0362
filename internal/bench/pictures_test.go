package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPictures draws a run: each figure is a point of a picture that is well formed.
func TestPictures(t *testing.T) {
	t.Parallel()
	r := &report{}
	for _, n := range grownTo {
		for _, name := range grown {
			r.add(row{ID: fmt.Sprintf("growth-%s-%d", name, n), Figure: 11, YardstickFigure: 10})
		}
	}
	for _, n := range liveCounts {
		r.add(row{ID: fmt.Sprintf("live-%d", n), Figure: float64(n)})
	}
	dir := t.TempDir()
	if err := r.draw(dir); err != nil {
		t.Fatal(err)
	}
	for name, points := range map[string]int{"growth.svg": len(grown) * len(grownTo), "live.svg": len(liveCounts)} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(data), "<circle"); got != points {
			t.Errorf("%s: %d points of %d", name, got, points)
		}
		for d := xml.NewDecoder(strings.NewReader(string(data))); err == nil; {
			_, err = d.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCheck finds the ratios that are worse than before by more than their noise,
// whichever way is the worse one.
func TestCheck(t *testing.T) {
	t.Parallel()
	base := &report{}
	base.add(row{ID: "rate", What: "rate", Figure: 50, YardstickFigure: 100})
	base.add(row{ID: "time", What: "time", Figure: 50, YardstickFigure: 100, Most: true})
	path := filepath.Join(t.TempDir(), "base.json")
	if err := base.write(path); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		rate, time float64
		worse      string
	}{
		"the same":       {50, 50, ""},
		"within noise":   {40, 60, ""},
		"better":         {500, 5, ""},
		"a rate too low": {30, 50, "rate: "},
		"too long":       {50, 80, "time: "},
	} {
		now := &report{}
		now.add(row{ID: "rate", What: "rate", Figure: tc.rate, YardstickFigure: 100})
		now.add(row{ID: "time", What: "time", Figure: tc.time, YardstickFigure: 100, Most: true})
		err := now.check(path)
		if got := fmt.Sprint(err); (err == nil) != (tc.worse == "") || !strings.Contains(got, tc.worse) && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheDocumentIsOfTheBaseline: the figures of the documentation are those that
// make bench-check compares with.
func TestTheDocumentIsOfTheBaseline(t *testing.T) {
	t.Parallel()
	base, err := load("baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if want, err := base.replaceIn(string(text)); err != nil || want != string(text) {
		t.Errorf("docs/performance.md has other figures than baseline.json: make bench-keep writes both (%v)", err)
	}
}
