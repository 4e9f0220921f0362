package main

import (
	"fmt"
	"slices"
	"strings"
)

const pythonHead = "# Generated from the OpenRPC document by internal/clientgen: `make generate` renews it.\n"

// pythonTypes writes every type of the protocol. What the daemon sends stays the dict
// that it is: a TypedDict tells type checkers and editors what is in it.
func pythonTypes(d *document) string {
	var b strings.Builder
	b.WriteString(pythonHead + "\"\"\"The types of the protocol.\"\"\"\n\nfrom __future__ import annotations\n\n" +
		"from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, Union\n")
	for _, c := range d.Components.Schemas { // words first: aliases are looked up when they are made
		if len(c.Enum) > 0 {
			pythonEnum(&b, c)
		}
	}
	for _, c := range d.Components.Schemas {
		switch {
		case c.Name == "Content":
			fmt.Fprintf(&b, "\nContent: TypeAlias = Union[str, list[dict[str, Any]]]\n\"\"\"%s\"\"\"\n", sentence(c.Description))
		case len(c.Enum) == 0 && len(c.Properties) == 0:
			fmt.Fprintf(&b, "\n%s: TypeAlias = %s\n\"\"\"%s\"\"\"\n", c.Name, pythonType(&c.schema), sentence(c.Description))
		case len(c.Properties) > 0 && c.Name != "Event": // a union: see below
			pythonObject(&b, c.Name, sentence(c.Description), &c.schema)
		}
	}
	for _, m := range d.called() {
		name, doc := upper(m.called())+"Result", fmt.Sprintf("Answer of `%s`: %s.", m.Name, m.Result.Description)
		if len(m.Result.Schema.Properties) == 0 {
			fmt.Fprintf(&b, "\n%s: TypeAlias = dict[str, Any]\n\"\"\"%s\"\"\"\n", name, doc)
			continue
		}
		pythonObject(&b, name, doc, &m.Result.Schema)
	}
	pythonEvents(&b, d)
	return b.String()
}

func pythonEnum(b *strings.Builder, c member) {
	fmt.Fprintf(b, "\n%s: TypeAlias = Literal[\n", c.Name)
	for _, w := range c.Enum {
		fmt.Fprintf(b, "    %q,  # %s\n", w, c.Words[w])
	}
	fmt.Fprintf(b, "]\n\"\"\"%s\"\"\"\n", sentence(c.Description))
}

func pythonObject(b *strings.Builder, name, doc string, s *schema) {
	fmt.Fprintf(b, "\n\nclass %s(TypedDict):\n    \"\"\"%s\"\"\"\n\n", name, doc)
	for _, p := range s.Properties {
		typ := pythonField(&p.schema)
		if !s.requires(p.Name) {
			typ = "NotRequired[" + typ + "]"
		}
		fmt.Fprintf(b, "    %s: %s\n    \"\"\"%s\"\"\"\n", p.Name, typ, p.Description)
	}
}

// pythonField is pythonType, but for a constant, which is not spelt out.
func pythonField(s *schema) string {
	if len(s.Enum) > 0 {
		return "str"
	}
	return pythonType(s)
}

// pythonType says what a schema is.
func pythonType(s *schema) string {
	if s.Ref != "" {
		return s.ref()
	}
	if len(s.Enum) > 0 {
		return `Literal["` + strings.Join(s.Enum, `", "`) + `"]`
	}
	var all []string
	for _, t := range s.Type {
		all = append(all, pythonOne(t, s))
	}
	if len(all) == 0 {
		return "Any"
	}
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return strings.Join(all, " | ")
}

func pythonOne(t string, s *schema) string {
	switch t {
	case "integer":
		return "int"
	case "number":
		return "float"
	case "boolean":
		return "bool"
	case "null":
		return "None"
	case "array":
		return "list[" + pythonType(s.Items) + "]"
	case "object":
		if s.AdditionalProperties != nil {
			return "dict[str, " + pythonType(s.AdditionalProperties) + "]"
		}
		return "dict[str, Any]"
	default:
		return "str"
	}
}

func pythonEvents(b *strings.Builder, d *document) {
	var names []string
	for _, e := range d.Events {
		name := camel(e.Type) + "Event"
		names = append(names, name)
		fmt.Fprintf(b, "\n\nclass %s(TypedDict):\n    \"\"\"%s\"\"\"\n\n    type: Literal[%q]\n", name, sentence(e.Summary), e.Type)
		if e.Type == "partial_message" {
			b.WriteString("    seq: NotRequired[int]\n    \"\"\"Never there: deltas are not in the log.\"\"\"\n")
		} else {
			b.WriteString("    seq: int\n    \"\"\"Place in the log: the cursor behind it.\"\"\"\n")
		}
		b.WriteString("    session_id: str\n    run_id: str\n    timestamp: Time\n")
		if e.Data != nil {
			fmt.Fprintf(b, "    data: %s\n", pythonType(e.Data))
		}
		if e.Type == "partial_message" {
			b.WriteString("    dropped: NotRequired[int]\n    \"\"\"How many were left out before it, for a slow reader.\"\"\"\n")
		}
	}
	fmt.Fprintf(b, "\n\nEvent: TypeAlias = Union[\n    %s,\n]\n\"\"\"Any event; its `type` tells which. A later daemon may send types that are not here: ignore them.\"\"\"\n",
		strings.Join(names, ",\n    "))
}

// pythonErrors writes an exception for each reason.
func pythonErrors(d *document) string {
	var b strings.Builder
	b.WriteString(pythonHead + `"""An exception for each reason for which a call may fail."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from ._errors import SessiondError
from .types import Approval, JobState, MessageState, Status
`)
	var table []string
	for _, r := range d.Errors {
		name := camel(r.Reason)
		data := ""
		if len(r.Data.Properties) > 1 {
			pythonObject(&b, name+"Data", fmt.Sprintf("What `data` of `%s` holds.", r.Reason), &r.Data)
			data = fmt.Sprintf("    data: %sData\n", name)
		}
		fmt.Fprintf(&b, "\n\nclass %s(SessiondError):\n    \"\"\"%s\"\"\"\n\n    reason = %q\n    code = %d\n%s",
			name, sentence(r.Summary), r.Reason, r.Code, data)
		table = append(table, fmt.Sprintf("    %q: %s,\n", r.Reason, name))
	}
	fmt.Fprintf(&b, "\n\nBY_REASON: dict[str, type[SessiondError]] = {\n%s}\n", strings.Join(table, ""))
	return b.String()
}

// pythonMethods writes a class with one method for each of the protocol's.
func pythonMethods(d *document) string {
	var b strings.Builder
	b.WriteString(pythonHead + `"""The methods of the protocol."""

from __future__ import annotations

from typing import Any, Mapping

from . import types as t


class Methods:
    """One method for each of the protocol's, but for subscriptions: those are ` + "`events`" + `.

    An argument that is None is left out.
    """

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Calls a method by its name."""
        raise NotImplementedError
`)
	for _, m := range d.called() {
		var signature, docs, pass []string
		for _, required := range []bool{true, false} {
			if !required && len(signature) < len(m.Params) {
				signature = append(signature, "*")
			}
			for _, p := range m.Params {
				if p.Required != required {
					continue
				}
				typ := pythonArgument(&p.Schema)
				if !required {
					typ += " | None = None"
				}
				signature = append(signature, p.Name+": "+typ)
				docs = append(docs, fmt.Sprintf("            %s: %s\n", p.Name, p.Description))
				pass = append(pass, fmt.Sprintf("%q: %s", p.Name, p.Name))
			}
		}
		fmt.Fprintf(&b, "\n    async def %s(\n        self,\n", snake(m.called()))
		for _, s := range signature {
			fmt.Fprintf(&b, "        %s,\n", s)
		}
		fmt.Fprintf(&b, "    ) -> t.%sResult:\n        \"\"\"%s\n\n", upper(m.called()), m.Summary)
		if len(docs) > 0 {
			fmt.Fprintf(&b, "        Args:\n%s\n", strings.Join(docs, ""))
		}
		fmt.Fprintf(&b, "        Returns:\n            %s\n\n        Raises:\n            SessiondError: %s.\n        \"\"\"\n",
			sentence(m.Result.Description), strings.Join(m.reasons(), ", "))
		if len(pass) == 0 {
			fmt.Fprintf(&b, "        result: t.%sResult = await self.call(%q)\n        return result\n", upper(m.called()), m.Name)
			continue
		}
		fmt.Fprintf(&b, "        params = {\n            %s,\n        }\n", strings.Join(pass, ",\n            "))
		fmt.Fprintf(&b, "        result: t.%sResult = await self.call(%q, params)\n        return result\n", upper(m.called()), m.Name)
	}
	return b.String()
}

// pythonArgument is pythonType where types are in another module.
func pythonArgument(s *schema) string {
	if s.Ref != "" {
		return "t." + s.ref()
	}
	if len(s.Type) == 1 && s.Type[0] == "array" {
		return "list[" + pythonArgument(s.Items) + "]"
	}
	return pythonType(s)
}
