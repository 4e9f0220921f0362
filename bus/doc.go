// Package bus tells subscribers what happens: each reads the one log from a
// cursor of its own, at its own pace.
//
// The [Hub] keeps the newest events in a ring and wakes who waits; it knows no
// subscriber's pace and waits for none. A [Subscription] that is behind the ring
// reads pages from the [Log], in the ring it copies, at the head it waits. So
// a slow subscriber costs nobody anything, and a crowd that is behind the ring shares the
// pages that it reads. What is promised is:
//
//   - stored events come in the order of seq, each once, none missing that the
//     filter picks, from the cursor on; only after they are committed;
//   - where that can no longer be kept, because the log was cut behind the
//     cursor, the error says so (cursor_expired);
//   - partial messages, which are never stored, come among them in their place,
//     and are the only thing that may be left out: the next one says how many were.
//
// The only goroutines it starts read a page ahead, for a subscription whose Close waits for them.
package bus
