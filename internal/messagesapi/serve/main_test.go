package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestServesUntilStandardInputEnds(t *testing.T) {
	t.Parallel()
	stdin, closeStdin := io.Pipe()
	stdout, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(context.Background(), stdin, out) }()
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Head(strings.TrimSpace(url))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	_ = closeStdin.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := http.Head(strings.TrimSpace(url)); err == nil {
		t.Error("it still serves")
	}
}
