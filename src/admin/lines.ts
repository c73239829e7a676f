import type { Socket } from 'node:net';

/**
 * Calls `line` for each line that arrives, without its end. A line of more than `maxBytes` bytes, or one that is not UTF-8,
 * destroys the socket.
 */
export function readLines(socket: Socket, maxBytes: number, line: (text: string) => void): void {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let parts: Buffer[] = [];
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0 && !socket.destroyed; end = chunk.indexOf(10, start)) {
      const whole = Buffer.concat([...parts, chunk.subarray(start, end)]);
      [parts, bytes, start] = [[], 0, end + 1];
      const text = whole.length <= maxBytes ? decode(whole) : undefined;
      if (text === undefined) return void socket.destroy();
      line(text);
    }
    const rest = chunk.subarray(start);
    if (rest.length > 0) parts.push(rest);
    bytes += rest.length;
    if (bytes > maxBytes) socket.destroy();
  });

  function decode(whole: Buffer): string | undefined {
    try {
      return decoder.decode(whole);
    } catch {
      return undefined;
    }
  }
}
