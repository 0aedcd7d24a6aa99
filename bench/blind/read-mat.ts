/** Numeric matrices and cells of them out of a MATLAB v5 file, the form in which blur kernels are passed around. */
import { inflateSync } from 'node:zlib';
import { DualscaleError } from '../../src/core/errors.ts';

export interface MatMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Row by row (the file has columns). */
  readonly data: Float64Array;
}

const HEADER_BYTES = 128;
const MAX_BYTES = 64 * 2 ** 20;
const MAX_DEPTH = 4;
const [MATRIX, COMPRESSED] = [14, 15];
const CELL_CLASS = 1;

const bad = (message: string): DualscaleError => new DualscaleError('DS_BAD_DATA', `not a MATLAB v5 file: ${message}`);

interface Element {
  readonly type: number;
  readonly bytes: Buffer;
  /** Where the next element begins. */
  readonly next: number;
}

function readElement(buffer: Buffer, at: number): Element {
  if (at + 8 > buffer.length) throw bad('it ends inside an element');
  const word = buffer.readUInt32LE(at);
  // Up to four bytes lie in the tag itself.
  const smallSize = word >>> 16;
  const size = smallSize || buffer.readUInt32LE(at + 4);
  const start = smallSize ? at + 4 : at + 8;
  if (start + size > buffer.length || (smallSize && size > 4)) throw bad(`an element of ${size} bytes does not fit`);
  const type = smallSize ? word & 0xffff : word;
  const end = smallSize ? at + 8 : start + size;
  // Compressed elements are not padded.
  const next = smallSize || type === COMPRESSED ? end : Math.ceil(end / 8) * 8;
  return { type, bytes: buffer.subarray(start, start + size), next };
}

/** Readers by MATLAB's data type number. */
const NUMBERS: Readonly<Record<number, readonly [bytes: number, read: (b: Buffer, at: number) => number]>> = {
  1: [1, (b, at) => b.readInt8(at)],
  2: [1, (b, at) => b.readUInt8(at)],
  3: [2, (b, at) => b.readInt16LE(at)],
  4: [2, (b, at) => b.readUInt16LE(at)],
  5: [4, (b, at) => b.readInt32LE(at)],
  6: [4, (b, at) => b.readUInt32LE(at)],
  7: [4, (b, at) => b.readFloatLE(at)],
  9: [8, (b, at) => b.readDoubleLE(at)],
};

function readNumbers({ type, bytes }: Element): Float64Array {
  const kind = NUMBERS[type];
  if (!kind) throw bad(`data of the unknown type ${type}`);
  const [size, read] = kind;
  return Float64Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => read(bytes, i * size));
}

interface Named {
  readonly name: string;
  readonly matrices: readonly MatMatrix[];
}

/** One array: flags, dimensions, name, then numbers or, in a cell, further arrays. Others (texts, structures) give none. */
function readArray(buffer: Buffer, depth: number): Named {
  if (depth > MAX_DEPTH) throw bad('cells nested too deeply');
  const flags = readElement(buffer, 0);
  const dimensions = readElement(buffer, flags.next);
  const name = readElement(buffer, dimensions.next);
  const arrayClass = flags.bytes.readUInt8(0);
  const sizes = readNumbers(dimensions);
  const named = { name: name.bytes.toString('latin1') };
  if (arrayClass === CELL_CLASS) {
    const matrices: MatMatrix[] = [];
    for (let at = name.next; at < buffer.length; ) {
      const cell = readElement(buffer, at);
      if (cell.bytes.length > 0) matrices.push(...readArray(cell.bytes, depth + 1).matrices);
      at = cell.next;
    }
    return { ...named, matrices };
  }
  const isNumeric = arrayClass >= 6 && arrayClass <= 15;
  if (!isNumeric || sizes.length !== 2) return { ...named, matrices: [] };
  return { ...named, matrices: [toRows(readNumbers(readElement(buffer, name.next)), sizes[0], sizes[1])] };
}

function toRows(numbers: Float64Array, rows: number, columns: number): MatMatrix {
  if (numbers.length !== rows * columns) throw bad(`${numbers.length} numbers for ${rows}x${columns}`);
  const data = Float64Array.from(numbers, (_, i) => numbers[(i % columns) * rows + Math.floor(i / columns)]);
  return { rows, columns, data };
}

/** The file's variables by name, each with its matrices: one, or those of its cells. Throws DS_BAD_DATA. */
export function readMat(file: Buffer): ReadonlyMap<string, readonly MatMatrix[]> {
  if (file.length < HEADER_BYTES || file.toString('latin1', 126, 128) !== 'IM') {
    throw bad('its header is not that of a little-endian file');
  }
  const variables = new Map<string, readonly MatMatrix[]>();
  for (let at = HEADER_BYTES; at < file.length; ) {
    const element = readElement(file, at);
    const whole = element.type === COMPRESSED ? readElement(inflate(element.bytes), 0) : element;
    if (whole.type === MATRIX) {
      const { name, matrices } = readArray(whole.bytes, 0);
      variables.set(name, matrices);
    }
    at = element.next;
  }
  return variables;
}

function inflate(bytes: Buffer): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    throw new DualscaleError('DS_BAD_DATA', `a compressed element cannot be read: ${String(cause)}`, { cause });
  }
}
