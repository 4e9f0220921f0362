package page

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// allowed are the elements that a page may have, each with its attributes.
var allowed = map[string][]string{
	"html": {"lang"}, "head": nil, "title": nil, "style": nil, "body": nil, "header": nil, "main": nil, "footer": nil, "nav": nil,
	"meta": {"charset", "name", "content", "http-equiv"}, "h1": nil, "h2": nil, "h3": nil, "h4": nil, "h5": nil, "h6": nil,
	"p": {"class", "id"}, "div": {"class", "id"}, "section": {"class", "id"}, "span": {"class"}, "dl": nil, "dt": nil, "dd": nil,
	"details": {"class", "id", "open"}, "summary": nil, "figure": nil, "figcaption": nil, "img": {"src", "alt"}, "a": {"href", "rel"},
	"b": nil, "em": nil, "strong": nil, "del": nil, "code": {"class"}, "pre": {"class"}, "br": nil, "hr": nil, "blockquote": nil,
	"ul": nil, "ol": {"start"}, "li": nil, "table": nil, "thead": nil, "tbody": nil, "tr": nil, "th": {"class"}, "td": {"class"},
	"input": {"checked", "disabled", "type"},
}

var (
	void  = []string{"meta", "img", "br", "hr", "input"}
	to    = regexp.MustCompile(`^(https?://|mailto:|#e[0-9]+$)`)
	image = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*$`)
)

// checkHTML checks that a page has only what it may have: every element closed
// and in its place, nothing that runs or loads, and no harmful character.
func checkHTML(page string) error {
	tags, err := tagsOf(page)
	if err != nil {
		return err
	}
	if tags[0] != "html" || slices.Index(tags, "style") < 0 {
		return fmt.Errorf("it is no page: %v", tags[:min(5, len(tags))])
	}
	// A browser makes the same of it: nothing is moved or repaired.
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return err
	}
	var again strings.Builder
	if err := html.Render(&again, doc); err != nil {
		return err
	}
	parsed, err := tagsOf(again.String())
	if err != nil {
		return fmt.Errorf("as it was parsed: %w", err)
	}
	if !slices.Equal(tags, parsed) {
		return fmt.Errorf("a parser makes something else of it:\n%v\n%v", tags, parsed)
	}
	return nil
}

// tagsOf lists the tags of a page, and checks each.
func tagsOf(page string) (tags []string, err error) {
	z := html.NewTokenizer(strings.NewReader(page))
	var open []string
	ids := map[string]bool{}
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				return nil, fmt.Errorf("not closed: %v", open)
			}
			return tags, nil
		case html.CommentToken:
			return nil, fmt.Errorf("a comment: %q", z.Token().Data)
		case html.TextToken:
			if s := z.Token().Data; strings.ContainsFunc(s, plain.Unsafe) {
				return nil, fmt.Errorf("unsafe text %q", s)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			tags = append(tags, t.Data)
			if err := checkTag(t, ids); err != nil {
				return nil, err
			}
			if !slices.Contains(void, t.Data) {
				open = append(open, t.Data)
			}
		case html.EndTagToken:
			t := z.Token()
			tags = append(tags, "/"+t.Data)
			if len(open) == 0 || open[len(open)-1] != t.Data {
				return nil, fmt.Errorf("</%s> closes %v", t.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
}

func checkTag(t html.Token, ids map[string]bool) error {
	attributes, known := allowed[t.Data]
	if !known {
		return fmt.Errorf("element %s", t)
	}
	for _, a := range t.Attr {
		switch {
		case !slices.Contains(attributes, a.Key), strings.ContainsFunc(a.Val, plain.Unsafe),
			a.Key == "href" && !to.MatchString(strings.ToLower(a.Val)),
			a.Key == "src" && !image.MatchString(a.Val),
			a.Key == "http-equiv" && a.Val != "Content-Security-Policy",
			a.Key == "id" && ids[a.Val]:
			return fmt.Errorf("attribute %s of %s", a.Key, t)
		case a.Key == "id":
			ids[a.Val] = true
		}
	}
	return nil
}

var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()

// checkMarkdown checks that a page in Markdown has only what it may have: no HTML
// but our folds, each closed, no image, no link but to the web, no harmful
// character. It returns the page's headings and code blocks.
func checkMarkdown(page string) (headings, blocks []string, err error) {
	if strings.ContainsFunc(page, plain.Unsafe) {
		return nil, nil, fmt.Errorf("unsafe text")
	}
	_, body, found := strings.Cut(page, "\n---\n")
	if !strings.HasPrefix(page, "---\n") || !found {
		return nil, nil, fmt.Errorf("no front matter")
	}
	source, folds := []byte(body), 0
	err = ast.Walk(gfm.Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.RawHTML, *ast.Image:
			return ast.WalkStop, fmt.Errorf("%s at %.60q", n.Kind(), source[n.Pos():])
		case *ast.HTMLBlock:
			block := strings.TrimSpace(string(n.Lines().Value(source)))
			switch {
			case block == "</details>":
				folds--
			case ourFold.MatchString(block):
				folds++
			default:
				return ast.WalkStop, fmt.Errorf("HTML: %q", block)
			}
			if folds < 0 || folds > 1 {
				return ast.WalkStop, fmt.Errorf("%d folds in each other", folds)
			}
		case *ast.Link:
			if !to.MatchString(strings.ToLower(string(n.Destination))) {
				return ast.WalkStop, fmt.Errorf("link to %q", n.Destination)
			}
		case *ast.Heading:
			headings = append(headings, string(n.Lines().Value(source)))
		case *ast.FencedCodeBlock:
			blocks = append(blocks, string(n.Lines().Value(source)))
		}
		return ast.WalkContinue, nil
	})
	if err == nil && folds != 0 {
		err = fmt.Errorf("%d folds are open", folds)
	}
	return headings, blocks, err
}

var ourFold = regexp.MustCompile(`^<details><summary>(Thinking|(Result|Error), [0-9]+ lines)</summary>$`)

func check(t testing.TB, s *stream) {
	t.Helper()
	for _, full := range []bool{false, true} {
		if err := checkHTML(s.page(Options{Format: "html", Full: full})); err != nil {
			t.Errorf("html: %v", err)
		}
		if _, _, err := checkMarkdown(s.page(Options{Format: "md", Full: full})); err != nil {
			t.Errorf("md: %v", err)
		}
	}
}
