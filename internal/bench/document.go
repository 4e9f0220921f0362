package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// The table of figures in the documentation stands between these lines.
const (
	figuresBegin = "<!-- figures: make bench-keep writes them -->\n"
	figuresEnd   = "<!-- end of figures -->\n"
)

// load reads what write has written.
func load(path string) (*report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &r, nil
}

// document puts the figures of a run into a Markdown file.
func (r *report) document(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := r.replaceIn(string(data))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// replaceIn puts the figures in the place of those that stand in text.
func (r *report) replaceIn(text string) (string, error) {
	before, rest, found := strings.Cut(text, figuresBegin)
	_, after, ended := strings.Cut(rest, figuresEnd)
	if !found || !ended {
		return "", errors.New("there is no place for figures in it")
	}
	return before + figuresBegin + r.markdown() + figuresEnd + after, nil
}

// markdown is print's table for documentation.
func (r *report) markdown() string {
	var b strings.Builder
	date, _, _ := strings.Cut(r.Date, "T")
	fmt.Fprintf(&b, "\n%s, %s, %s, %d CPUs, load %.1f before.\n\n| what | goal | figure | yardstick | ratio | |\n| --- | --- | --- | --- | --- | --- |\n",
		date, r.Go, r.OS, r.CPUs, r.Load)
	for _, w := range r.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %.3g | %s |\n", w.What, w.goal(), amount(w.Figure, w.Unit), w.yardstick(), w.Ratio, strings.ToLower(w.verdict()))
	}
	b.WriteString("\n")
	return b.String()
}
