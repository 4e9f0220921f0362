// Package client is the typed Go client of a sessiond daemon.
//
// [Dial] connects to the daemon's Unix socket. There is one method for each
// method of the protocol, all of them safe for concurrent use and sharing one
// connection; [Client.Call] takes any method by name. An error that the daemon
// answered is an *[api.Error] again:
//
//	if errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) { … }
//
// A connection that breaks is made anew by the next call. The calls that were
// under way fail with [ErrDisconnected] and are not repeated, for nobody knows
// whether the daemon had done them; give launchSession an idempotency key, or
// sendMessage a message id, and repeating is harmless.
//
// [Client.Events] follows the log. Each use has a connection of its own, so
// that a slow consumer holds up nothing else, reconnects when it must, and
// goes on from the last event it has handed out.
package client
