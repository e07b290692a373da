import { StringDecoder } from 'node:string_decoder';

/** Lines of a stream, without their newlines. What follows the last newline is half a line, and left out. */
export async function* completeLines(bytes: AsyncIterable<Buffer | string>): AsyncGenerator<string, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of bytes) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
