// Package clients runs the tests of the clients in other languages, each against real
// daemons with the scripted claude: what the tests of a language need is found here,
// and what they leave behind is a failure.
package clients
