// Package api holds the protocol's types and error words, and nothing else.
//
// Every type is defined here once, with its JSON names, and is the same from
// the database to the wire. The package imports only the standard library and
// the UUID package, so that a client needs no SQLite and no daemon.
//
// Field names, words and shapes are those of docs/protocol.md; the method
// table in package rpc is made of the *Params and *Result types below, and the
// OpenRPC document is generated from them: a `jsonschema` tag is the
// description of its field, and a field without `omitempty` or `omitzero` is
// required in params and always present in results.
package api

// ProtocolVersion is the version of the protocol that this package describes.
// It changes only when a client that knows the old one would misunderstand.
const ProtocolVersion = 1
