package main

import (
	"fmt"
	"slices"
	"strings"
)

const typescriptHead = "// Generated from the OpenRPC document by internal/clientgen: `make generate` renews it.\n"

// typescriptTypes writes every type of the protocol.
func typescriptTypes(d *document) string {
	var b strings.Builder
	b.WriteString(typescriptHead)
	for _, c := range d.Components.Schemas {
		if c.Name != "Event" { // a union: see below
			typescriptComponent(&b, c)
		}
	}
	for _, m := range d.called() {
		typescriptParams(&b, m, upper(m.called())+"Params")
		name := upper(m.called()) + "Result"
		if len(m.Result.Schema.Properties) == 0 {
			fmt.Fprintf(&b, "\n/** Answer of `%s`: %s. */\nexport type %s = Record<string, unknown>;\n", m.Name, m.Result.Description, name)
			continue
		}
		fmt.Fprintf(&b, "\n/** Answer of `%s`: %s. */\nexport interface %s {\n", m.Name, m.Result.Description, name)
		typescriptFields(&b, &m.Result.Schema)
		b.WriteString("}\n")
	}
	typescriptParams(&b, d.subscribe(), "EventFilter")
	typescriptEvents(&b, d)
	typescriptErrors(&b, d)
	return b.String()
}

func typescriptComponent(b *strings.Builder, c member) {
	switch {
	case len(c.Enum) > 0:
		fmt.Fprintf(b, "\n/**\n * %s\n *\n", sentence(c.Description))
		for _, w := range c.Enum {
			fmt.Fprintf(b, " * - `%s`: %s\n", w, c.Words[w])
		}
		fmt.Fprintf(b, " */\nexport type %s = '%s';\n", c.Name, strings.Join(c.Enum, "' | '"))
	case c.Name == "Content":
		b.WriteString("\n/** A block of content as the Messages API knows it: a text, an image, a document. */\n" +
			"export interface ContentBlock {\n  type: string;\n  [member: string]: unknown;\n}\n")
		fmt.Fprintf(b, "\n/** %s */\nexport type Content = string | ContentBlock[];\n", sentence(c.Description))
	case len(c.Properties) > 0:
		fmt.Fprintf(b, "\n/** %s */\nexport interface %s {\n", sentence(c.Description), c.Name)
		typescriptFields(b, &c.schema)
		b.WriteString("}\n")
	default:
		fmt.Fprintf(b, "\n/** %s */\nexport type %s = %s;\n", sentence(c.Description), c.Name, typescriptType(&c.schema))
	}
}

func typescriptParams(b *strings.Builder, m method, name string) {
	if len(m.Params) == 0 {
		return
	}
	fmt.Fprintf(b, "\n/** Params of `%s`. */\nexport interface %s {\n", m.Name, name)
	for _, p := range m.Params {
		typescriptField(b, p.Name, p.Description, &p.Schema, p.Required)
	}
	b.WriteString("}\n")
}

func typescriptFields(b *strings.Builder, s *schema) {
	for _, p := range s.Properties {
		typescriptField(b, p.Name, p.Description, &p.schema, s.requires(p.Name))
	}
}

func typescriptField(b *strings.Builder, name, description string, s *schema, required bool) {
	mark := "?"
	if required {
		mark = ""
	}
	fmt.Fprintf(b, "  /** %s */\n  %s%s: %s;\n", description, name, mark, typescriptType(s))
}

// typescriptType says what a schema is.
func typescriptType(s *schema) string {
	if s.Ref != "" {
		return s.ref()
	}
	if len(s.Enum) > 0 {
		return "'" + strings.Join(s.Enum, "' | '") + "'"
	}
	var all []string
	for _, t := range s.Type {
		all = append(all, typescriptOne(t, s))
	}
	if len(all) == 0 {
		return "unknown"
	}
	slices.Sort(all)
	slices.Reverse(all) // null behind the others
	return strings.Join(all, " | ")
}

func typescriptOne(t string, s *schema) string {
	switch {
	case t == "integer" || t == "number":
		return "number"
	case t == "array":
		inner := typescriptType(s.Items)
		if strings.Contains(inner, " ") {
			inner = "(" + inner + ")"
		}
		return inner + "[]"
	case t == "object" && len(s.Properties) > 0:
		var fields []string
		for _, p := range s.Properties {
			mark := "?"
			if s.requires(p.Name) {
				mark = ""
			}
			fields = append(fields, p.Name+mark+": "+typescriptType(&p.schema))
		}
		return "{ " + strings.Join(fields, "; ") + " }"
	case t == "object" && s.AdditionalProperties != nil:
		return "Record<string, " + typescriptType(s.AdditionalProperties) + ">"
	case t == "object":
		return "Record<string, unknown>"
	default:
		return t
	}
}

func typescriptEvents(b *strings.Builder, d *document) {
	b.WriteString(`
/** What every event has. */
export interface EventHeader {
  /** The session it happened in. */
  session_id: string;
  /** That session's run id. */
  run_id: string;
  /** When the daemon recorded it. */
  timestamp: Time;
}
`)
	var names []string
	for _, e := range d.Events {
		name := camel(e.Type) + "Event"
		names = append(names, name)
		seq, dropped := "  /** Place in the log: the cursor behind it. */\n  seq: number;\n", ""
		if e.Type == "partial_message" {
			seq = "  /** Deltas are not in the log. */\n  seq?: undefined;\n"
			dropped = "  /** How many were left out before it, for a slow reader. */\n  dropped?: number;\n"
		}
		data := ""
		if e.Data != nil {
			data = fmt.Sprintf("  data: %s;\n", typescriptType(e.Data))
		}
		fmt.Fprintf(b, "\n/** %s */\nexport interface %s extends EventHeader {\n  type: '%s';\n%s%s%s}\n",
			sentence(e.Summary), name, e.Type, seq, data, dropped)
	}
	fmt.Fprintf(b, "\n/** Any event; its `type` tells which. A later daemon may send types that are not here: ignore them. */\n"+
		"export type SessiondEvent =\n  | %s;\n", strings.Join(names, "\n  | "))
}

func typescriptErrors(b *strings.Builder, d *document) {
	b.WriteString("\n/** What `data` of an error holds, by its reason. */\nexport interface ErrorData {\n")
	for _, r := range d.Errors {
		fmt.Fprintf(b, "  /** %d: %s */\n  %s: {\n", r.Code, sentence(r.Summary), r.Reason)
		for _, p := range r.Data.Properties {
			mark := "?"
			if r.Data.requires(p.Name) {
				mark = ""
			}
			fmt.Fprintf(b, "    /** %s */\n    %s%s: %s;\n", p.Description, p.Name, mark, typescriptType(&p.schema))
		}
		b.WriteString("  };\n")
	}
	b.WriteString("}\n")
	b.WriteString("\n/** The code of each reason. */\nexport const codes: Readonly<Record<Reason, number>> = {\n")
	for _, r := range d.Errors {
		fmt.Fprintf(b, "  %s: %d,\n", r.Reason, r.Code)
	}
	b.WriteString("};\n")
}

// typescriptMethods writes a class with one method for each of the protocol's.
func typescriptMethods(d *document) string {
	var b strings.Builder
	b.WriteString(typescriptHead + "\nimport type * as t from './types.gen.js';\n" + `
/** How a call is made. */
export interface CallOptions {
  /** Gives the call up: it then fails with the signal's reason. The daemon may have carried it out. */
  signal?: AbortSignal;
}

/** Every method's params and result. */
export interface MethodTypes {
`)
	for _, m := range d.called() {
		params := "t." + upper(m.called()) + "Params"
		if len(m.Params) == 0 {
			params = "undefined"
		}
		name := m.Name
		if strings.Contains(name, ".") {
			name = "'" + name + "'"
		}
		fmt.Fprintf(&b, "  %s: { params: %s; result: t.%sResult };\n", name, params, upper(m.called()))
	}
	b.WriteString("}\n\n/** One method for each of the protocol's, but for subscriptions: those are `events`. */\nexport abstract class Methods {\n" +
		"  /** Calls a method by its name. */\n" +
		"  abstract call<M extends keyof MethodTypes>(method: M, params?: MethodTypes[M]['params'], options?: CallOptions): Promise<MethodTypes[M]['result']>;\n")
	for _, m := range d.called() {
		fmt.Fprintf(&b, "\n  /**\n   * %s\n   *\n   * @returns %s\n   * @throws SessiondError: %s\n   */\n", m.Summary, m.Result.Description,
			strings.Join(m.reasons(), ", "))
		params, pass := "", "undefined"
		if len(m.Params) > 0 {
			params, pass = "params: t."+upper(m.called())+"Params", "params"
			if !slices.ContainsFunc(m.Params, func(p descriptor) bool { return p.Required }) {
				params += " = {}"
			}
			params += ", "
		}
		fmt.Fprintf(&b, "  %s(%soptions?: CallOptions): Promise<t.%sResult> {\n    return this.call('%s', %s, options);\n  }\n",
			m.called(), params, upper(m.called()), m.Name, pass)
	}
	b.WriteString("}\n")
	return b.String()
}
