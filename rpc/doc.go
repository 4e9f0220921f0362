// Package rpc is the protocol at work: it listens to clients, decodes what they
// ask, calls a Service, and answers; and it carries events from the bus to those
// who subscribed.
//
// The protocol is JSON-RPC 2.0, one object a line, over a Unix stream socket;
// docs/protocol.md describes it for users. Its methods are one table
// (methodTable), its errors are another (errorTable), its events a third
// (eventTable). Dispatch, the answer of rpc.discover, openrpc.json and the tables
// of docs/protocol.md are all made from these; a test fails when a generated file
// is stale, and `go generate ./rpc` renews it.
//
// # A connection
//
// Each connection has one goroutine that reads, one that writes while there is
// something to write, one for each request at work and one for each subscription.
// All of them belong to the connection, and Serve returns only when they are gone.
//
//	socket → lines → request → Service → answer ─┐
//	                 bus → subscription → event ─┴→ outbox → socket
//
// Whatever is sent goes through the connection's outbox: a queue bounded in
// bytes, whose places are given out in the order of asking. A client that reads
// slowly makes its own answers and subscriptions wait there, and nothing else.
package rpc

//go:generate go test -run ^TestGeneratedFilesAreFresh$ -count=1 . -update
