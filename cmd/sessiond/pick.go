package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
)

// sessionFields are the names of a session's fields, in their order.
var sessionFields = func() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[api.Session]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

// checkFields says which of these names is none of a session's fields.
func checkFields(flag string, names []string) error {
	for _, name := range names {
		if !slices.Contains(sessionFields, name) {
			return usagef("--%s %s: a session has no such field; it has %s", flag, name, strings.Join(sessionFields, ", "))
		}
	}
	return nil
}

// pick returns the values of a session's fields as text: of text that itself, of all
// else the JSON; "" for what is absent.
func pick(s api.Session, names []string) ([]string, error) {
	b, err := encode(s)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, err
	}
	values := make([]string, len(names))
	for i, name := range names {
		if json.Unmarshal(members[name], &values[i]) != nil {
			values[i] = string(members[name])
		}
	}
	return values, nil
}

// inColumn makes of a text what fits into a column of lines whose columns are
// separated by tabs.
var inColumn = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)

// printColumns prints fields of sessions, a line each.
func (a *app) printColumns(sessions []api.Session, names []string) error {
	for _, s := range sessions {
		values, err := pick(s, names)
		if err != nil {
			return err
		}
		for i := range values {
			values[i] = inColumn.Replace(clean(values[i]))
		}
		a.out.printf("%s\n", strings.Join(values, "\t"))
	}
	return nil
}

// completeFields completes the names of fields, one or several with commas between them.
func completeFields(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := toComplete[:strings.LastIndex(toComplete, ",")+1]
	out := make([]cobra.Completion, len(sessionFields))
	for i, name := range sessionFields {
		out[i] = before + name
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
