/**
 * Cuts chunks into lines. It works on bytes, in which a newline is never a part of
 * another character, and looks at each byte once, however long a line is.
 */
export class Lines {
  #parts: Buffer[] = [];

  /** Takes a chunk, and yields the lines that end in it, without their newlines. */
  *push(chunk: Buffer): Generator<string> {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      this.#parts.push(chunk.subarray(from, end));
      const line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
      this.#parts = [];
      from = end + 1;
      yield line.toString('utf8');
    }
    if (from < chunk.length) this.#parts.push(chunk.subarray(from));
  }
}
