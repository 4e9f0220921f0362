// Command clientgen writes the types and methods of the clients in other languages
// out of the OpenRPC document, so that they have what the protocol has, with the
// same words. Its test fails when one of its files is stale.
package main

//go:generate go run . -root ../..
