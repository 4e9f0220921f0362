package page

import (
	"bytes"
	stdhtml "html"
	"html/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	table "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// toHTML renders Markdown. What is no text in it is replaced by nodes of its own:
// see harmless.
var toHTML = goldmark.New(
	goldmark.WithExtensions(
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)),
		extension.Strikethrough, extension.TaskList,
		extension.NewLinkify(extension.WithLinkifyAllowedProtocols([]string{"http:", "https:"}))),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(harmless{}, 1000))),
	goldmark.WithRendererOptions(goldhtml.WithHardWraps(), // line ends stay: models mean them
		renderer.WithNodeRenderers(util.Prioritized(shownHTML{}, 100))),
)

// deepest is how deep a text may be nested: browsers and parsers give up at some 500 elements.
const deepest = 100

// rendered renders a text, which is clean, from Markdown to HTML that is safe. It makes
// nothing of one that is nested too deep.
func rendered(s string) template.HTML {
	source := []byte(s)
	doc := toHTML.Parser().Parse(text.NewReader(source))
	if depth(doc) > deepest {
		return ""
	}
	var b bytes.Buffer
	if err := toHTML.Renderer().Render(&b, source, doc); err != nil {
		panic(err) // a buffer takes everything
	}
	// Clean again: a character may have been written as its number.
	return template.HTML(plain.Clean(b.String())) // #nosec G203 -- goldmark has escaped it
}

// depth is how many nodes stand within each other.
func depth(doc ast.Node) (most int) {
	now := 0
	_ = ast.Walk(doc, func(_ ast.Node, entering bool) (ast.WalkStatus, error) { // the function has no errors
		if !entering {
			now--
			return ast.WalkContinue, nil
		}
		now++
		most = max(most, now)
		return ast.WalkContinue, nil
	})
	return most
}

// harmless takes out of a text what leads elsewhere or would load something.
type harmless struct{}

// Transform implements parser.ASTTransformer.
func (harmless) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var images []*ast.Image
	var links []*ast.Link
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function has no errors
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			n.Level = min(n.Level+2, 6) // the page has headings of its own
		case *table.TableCell:
			if n.Alignment != table.AlignNone {
				n.SetAttributeString("class", []byte(n.Alignment.String()))
			}
		case *ast.Image:
			images = append(images, n)
		case *ast.Link:
			links = append(links, n)
		}
		return ast.WalkContinue, nil
	})
	for _, image := range images {
		link := ast.NewLink()
		link.Destination = image.Destination
		link.AppendChild(link, literal("image: "))
		become(image, link)
		links = append(links, link)
	}
	for _, link := range links {
		if leads(string(link.Destination)) {
			link.Title = nil
			external(link)
			continue
		}
		flat := &bare{}
		to := string(link.Destination)
		become(link, flat)
		if to != "" {
			flat.AppendChild(flat, literal(" ("+to+")"))
		}
	}
}

// become puts one node in the place of another, with what is in it.
func become(n, other ast.Node) {
	for c := n.FirstChild(); c != nil; {
		next := c.NextSibling()
		other.AppendChild(other, c)
		c = next
	}
	n.Parent().ReplaceChild(n.Parent(), n, other)
}

// bare is what was in a link that may not lead where it would.
type bare struct{ ast.BaseInline }

var kindBare = ast.NewNodeKind("Bare")

// Kind implements ast.Node.
func (*bare) Kind() ast.NodeKind { return kindBare }

// Dump implements ast.Node.
func (b *bare) Dump(source []byte, level int) { ast.DumpHelper(b, source, level, nil, nil) }

// literal is a text that means itself.
func literal(s string) *ast.String {
	n := ast.NewString([]byte(s))
	n.SetRaw(true)
	return n
}

func external(n ast.Node) { n.SetAttributeString("rel", []byte("noopener noreferrer nofollow")) }

// shownHTML shows HTML in a text as the text that it is.
type shownHTML struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (shownHTML) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(stdhtml.EscapeString(string(n.(*ast.RawHTML).Segments.Value(source))))
		}
		return ast.WalkSkipChildren, nil
	})
	r.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			b := n.(*ast.HTMLBlock)
			whole := string(b.Lines().Value(source))
			if b.HasClosure() {
				whole += string(b.ClosureLine.Value(source))
			}
			_, _ = w.WriteString("<pre>" + stdhtml.EscapeString(whole) + "</pre>\n")
		}
		return ast.WalkSkipChildren, nil
	})
	r.Register(kindBare, func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindAutoLink, autoLink)
}

// autoLink is a link where it may lead, else only its text.
func autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	link := n.(*ast.AutoLink)
	label := stdhtml.EscapeString(string(link.Label(source)))
	to := string(link.URL(source))
	if link.AutoLinkType == ast.AutoLinkEmail && !leads(to) {
		to = "mailto:" + to
	}
	if leads(to) {
		label = `<a href="` + stdhtml.EscapeString(to) + `" rel="noopener noreferrer nofollow">` + label + `</a>`
	}
	_, _ = w.WriteString(label)
	return ast.WalkContinue, nil
}
