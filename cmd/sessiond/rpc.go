package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newRPC(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rpc METHOD [PARAMS|-]",
		Short: "Call any method of the protocol",
		Long: `Call any method of the protocol with params as JSON ("-": from standard input) and
print its result. 'sessiond rpc rpc.discover' describes them all. The exit code tells
what sort of error there was; with --json the error itself is printed, in the place
of the result, as {"error":{"message":…,"data":{"reason":…}}}.

Events are not for it: 'sessiond watch --json' prints them.`,
		Example: `  sessiond rpc sendMessage '{"session_id":"…","content":"and the tests?"}'
  sessiond rpc sendDecision '{"approval_id":"…","decision":"deny","comment":"not on main"}'`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeMethods,
	}
	a.jsonFlag(cmd, "print an error as JSON too, on standard output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if args[0] == "subscribe" || args[0] == "unsubscribe" {
			return usagef("%s: a subscription would end with this call: use 'sessiond watch --json'", args[0])
		}
		params, err := a.rawParams(args[1:])
		if err != nil {
			return err
		}
		return a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			var result json.RawMessage
			err := c.Call(ctx, args[0], params, &result)
			if answered, ok := errors.AsType[*api.Error](err); ok && a.json {
				return errors.Join(a.out.object(errorObject(answered)), &silentError{exitCode(err)})
			}
			if err != nil {
				return err
			}
			return a.out.object(result)
		})(cmd, args)
	}
	return cmd
}

// errorObject is an error as programs read it: like the protocol's, without the code.
func errorObject(err *api.Error) any {
	data := maps.Clone(err.Data)
	if data == nil {
		data = map[string]any{}
	}
	data["reason"] = err.Reason
	type object struct {
		Message string         `json:"message"`
		Data    map[string]any `json:"data"`
	}
	return map[string]object{"error": {err.Message, data}}
}

// rawParams reads params from the arguments or standard input; nil if there are none.
func (a *app) rawParams(args []string) (any, error) {
	if len(args) == 0 {
		return nil, nil
	}
	b := []byte(args[0])
	if args[0] == "-" {
		var err error
		if b, err = io.ReadAll(a.stdin); err != nil {
			return nil, err
		}
	}
	if !json.Valid(b) {
		return nil, usagef("the params are not JSON")
	}
	return json.RawMessage(b), nil
}

// completeMethods completes the names of methods. It starts no daemon.
func (a *app) completeMethods(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := a.running(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	var document struct {
		Methods []struct {
			Name    string `json:"name"`
			Summary string `json:"summary"`
		} `json:"methods"`
	}
	b, err := c.Discover(cmd.Context())
	if err != nil || json.Unmarshal(b, &document) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, m := range document.Methods {
		if strings.HasPrefix(m.Name, toComplete) {
			out = append(out, cobra.CompletionWithDesc(cleanLine(m.Name), cleanLine(m.Summary)))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
