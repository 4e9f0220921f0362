package tui

import (
	"context"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// showSummary shows the newest summary of a session.
func (m *model) showSummary(s api.Session) {
	if s.Summary == nil {
		m.say("there is no summary of it; U makes one")
		return
	}
	d := m.daemon
	m.work.call("read its summary", nil, func(ctx context.Context) (doneMsg, error) {
		r, err := d.GetSummary(ctx, api.GetSummaryParams{SessionID: s.ID})
		if err != nil || r.Summary == nil {
			return doneMsg{note: "there is no summary of it any more; U makes one"}, err
		}
		return doneMsg{then: func(m *model) { m.dialog = m.summary(r.Summary) }}, nil
	})
}

// summarize has a summary made; session_updated tells when it is there.
func (m *model) summarize(id string) {
	d := m.daemon
	m.work.call("summarise it", nil, func(ctx context.Context) (doneMsg, error) {
		r, err := d.SummarizeSession(ctx, api.SessionParams{SessionID: id})
		if err == nil && r.Job == nil {
			return doneMsg{note: "nothing was said since its last summary; u shows that"}, nil
		}
		return doneMsg{note: "a summary is being made; u shows it when it is there"}, err
	})
}

// summary shows what a summary says.
func (m *model) summary(s *api.Summary) *pager {
	parts := []struct{ name, text string }{
		{"Request", s.Request}, {"Investigated", s.Investigated}, {"Learned", s.Learned}, {"Completed", s.Completed}, {"Next steps", s.NextSteps},
	}
	return &pager{title: plain.Line(s.Title), lines: func(width int) (lines []string) {
		for _, p := range parts {
			if p.text == "" {
				continue
			}
			lines = append(lines, "", m.th.accent.Render(p.name))
			lines = append(lines, wrap(plain.Clean(p.text), width)...)
		}
		return append(lines, "", m.th.dim.Render("as of "+s.CreatedAt.Local().Format("2006-01-02 15:04")))
	}}
}
