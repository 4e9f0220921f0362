package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/client"
)

func newRPC(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rpc METHOD [PARAMS|-]",
		Short: "Call any method of the protocol",
		Long: `Call any method of the protocol with params as JSON ("-": from standard input) and
print its result. 'sessiond rpc rpc.discover' describes them all.`,
		Example: `  sessiond rpc sendMessage '{"session_id":"…","content":"and the tests?"}'
  sessiond rpc sendDecision '{"approval_id":"…","decision":"deny","comment":"not on main"}'`,
		Args: cobra.RangeArgs(1, 2),
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			params, err := a.rawParams(args[1:])
			if err != nil {
				return err
			}
			var result json.RawMessage
			if err := c.Call(ctx, args[0], params, &result); err != nil {
				return err
			}
			return a.out.object(result)
		}),
	}
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
