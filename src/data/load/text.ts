/** Decodes bytes to text. Every byte is checked, because two names that decode to the same text would become one class. */
import { invalidFile } from '../files';
import type { ByteReader } from './bytes';
import { type Encoding, written } from './options';

const MARKS: readonly (readonly [Encoding, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** @throws DeepntkError `ERR_INVALID_FILE` if the bytes are invalid in this encoding; the error names the line */
export async function* textOf(
  reader: ByteReader,
  encoding: Encoding,
  name: string,
): AsyncGenerator<string, void, undefined> {
  const head = await reader.peek(3);
  const mark = MARKS.find(([, bytes]) => bytes.every((byte, i) => head[i] === byte))?.[0];
  if (mark !== undefined && mark !== encoding) {
    const got = `a file that begins with the byte order mark of ${mark}; ${written('encoding', mark)} reads it`;
    throw invalidFile(name, `text in ${encoding}`, got);
  }
  const decoder = decoderOf(encoding);
  let lines = 1;
  for await (const chunk of reader.rest()) {
    const text = decoder(chunk);
    if (text === null) throw invalidBytes(name, encoding, lines + newlinesBefore(chunk, encoding));
    if (text.includes('\0')) throw zeroByte(name, encoding, text, lines);
    lines += count(text);
    yield text;
  }
  if (decoder() === null) throw invalidBytes(name, encoding, lines);
}

/** Returns null for bytes that are invalid in the encoding. Without bytes, it checks that the last character is complete. */
function decoderOf(encoding: Encoding): (bytes?: Uint8Array) => string | null {
  if (encoding === 'latin1') {
    return (bytes) =>
      bytes === undefined
        ? ''
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
  const decoder = new TextDecoder(encoding, { fatal: true });
  return (bytes) => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      return null;
    }
  };
}

function invalidBytes(name: string, encoding: Encoding, line: number): Error {
  const other =
    encoding === 'utf-8'
      ? `${written('encoding', 'latin1')} reads Latin-1, ${written('encoding', 'utf-16le')} reads UTF-16`
      : `choose another ${written('encoding')}`;
  return invalidFile(`${name}: line ${line}`, `text in ${encoding}`, `invalid bytes; ${other}`);
}

/** Letters of UTF-16 have a zero byte each: the second of two in little-endian order, the first in big-endian. */
function zeroByte(name: string, encoding: Encoding, text: string, lines: number): Error {
  const at = text.indexOf('\0');
  const other = written('encoding', at % 2 === 1 ? 'utf-16le' : 'utf-16be');
  const hint = encoding === 'utf-8' ? `; if this is UTF-16, ${other} reads it` : '';
  return invalidFile(
    `${name}: line ${lines + count(text.slice(0, at))}`,
    'a table (CSV, TSV)',
    `a zero byte, which text has not${hint}`,
  );
}

/** Line breaks before the first invalid byte, in encodings where a line break is one byte. */
function newlinesBefore(chunk: Uint8Array, encoding: Encoding): number {
  if (encoding !== 'utf-8') return 0;
  const lenient = new TextDecoder('utf-8').decode(chunk);
  return count(lenient.slice(0, Math.max(0, lenient.indexOf('\ufffd'))));
}

function count(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
