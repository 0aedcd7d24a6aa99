/**
 * The safetensors file format (https://github.com/huggingface/safetensors): a 64-bit little-endian
 * header length, a JSON header, then the tensors' bytes without gaps. Read here with every number
 * checked: a file may come from anywhere.
 */
import { DualscaleError } from '../errors.ts';
import type { ParameterValues } from '../network/spec.ts';
import { fromFloat16Bits, toFloat16Bits } from './float16.ts';

export type StoredDtype = 'float32' | 'float16';

export interface TensorFile {
  readonly tensors: Readonly<Record<string, ParameterValues>>;
  readonly metadata: Readonly<Record<string, string>>;
}

export const BYTES_PER_VALUE: Readonly<Record<StoredDtype, number>> = { float32: 4, float16: 2 };

const DTYPE_NAMES: Readonly<Record<StoredDtype, string>> = { float32: 'F32', float16: 'F16' };
/** A header describes at most a few thousand layers; the reference reader stops at 100 MB. */
export const MAX_HEADER_BYTES = 1 << 20;
const MAX_RANK = 8;
const PREFIX_BYTES = 8;

interface Entry {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function bad(what: string): DualscaleError {
  return new DualscaleError('DS_BAD_MODEL', `safetensors: ${what}`);
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readEntry(name: string, value: unknown): Entry {
  if (!isObject(value)) throw bad(`expected tensor \`${name}\` to be an object`);
  const dtype = (Object.keys(DTYPE_NAMES) as StoredDtype[]).find((key) => DTYPE_NAMES[key] === value['dtype']);
  if (!dtype) throw bad(`expected \`${name}.dtype\` to be F32 or F16, got \`${String(value['dtype'])}\``);
  const shape = value['shape'];
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isSize)) {
    throw bad(`expected \`${name}.shape\` to be at most ${MAX_RANK} sizes`);
  }
  const offsets = value['data_offsets'];
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw bad(`expected \`${name}.data_offsets\` to be two offsets`);
  }
  const [begin, end] = offsets as [number, number];
  const sizeBytes = shape.reduce((size, axis) => size * axis, BYTES_PER_VALUE[dtype]);
  if (end - begin !== sizeBytes) {
    throw bad(`expected \`${name}\` ([${shape.join(', ')}], ${dtype}) to take ${sizeBytes} bytes, got ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/**
 * Tensors must fill the data exactly: a gap could hide something, an overlap or overrun is a broken
 * file.
 */
function checkLayout(entries: readonly Entry[], dataBytes: number): void {
  let expected = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== expected) throw bad(`expected \`${name}\` to begin at byte ${expected}, got ${begin}`);
    expected = end;
  }
  if (expected !== dataBytes) throw bad(`expected ${expected} bytes of tensors, got ${dataBytes}`);
}

function readMetadata(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isObject(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    throw bad('expected `__metadata__` to hold texts only');
  }
  return value as Readonly<Record<string, string>>;
}

function parseHeader(bytes: Uint8Array, headerBytes: number): Readonly<Record<string, unknown>> {
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(
      bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes),
    );
    header = JSON.parse(text);
  } catch (cause) {
    throw new DualscaleError('DS_BAD_MODEL', 'safetensors: the header is not JSON', { cause });
  }
  if (!isObject(header)) throw bad('expected the header to be an object');
  return header;
}

function readValues(view: DataView, { dtype, begin, end }: Entry, dataStart: number): Float32Array {
  const step = BYTES_PER_VALUE[dtype];
  const data = new Float32Array((end - begin) / step);
  const start = dataStart + begin;
  if (dtype === 'float32') for (let i = 0; i < data.length; i++) data[i] = view.getFloat32(start + 4 * i, true);
  else for (let i = 0; i < data.length; i++) data[i] = fromFloat16Bits(view.getUint16(start + 2 * i, true));
  return data;
}

/**
 * @throws DS_BAD_MODEL for anything that is not a complete, gapless file of F32 and F16 tensors.
 */
export function readSafetensors(bytes: Uint8Array): TensorFile {
  if (bytes.length < PREFIX_BYTES) throw bad(`expected at least ${PREFIX_BYTES} bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerBytes = view.getBigUint64(0, true);
  const available = Math.min(MAX_HEADER_BYTES, bytes.length - PREFIX_BYTES);
  if (headerBytes > BigInt(available)) throw bad(`expected a header of at most ${available} bytes, got ${headerBytes}`);
  const { __metadata__: metadata, ...tensors } = parseHeader(bytes, Number(headerBytes));
  const dataStart = PREFIX_BYTES + Number(headerBytes);
  const entries = Object.entries(tensors).map(([name, value]) => readEntry(name, value));
  checkLayout(entries, bytes.length - dataStart);
  return {
    tensors: Object.fromEntries(
      entries.map((entry) => [entry.name, { shape: entry.shape, data: readValues(view, entry, dataStart) }]),
    ),
    metadata: readMetadata(metadata),
  };
}

function writeValues(view: DataView, start: number, data: Float32Array, dtype: StoredDtype): void {
  if (dtype === 'float32') for (let i = 0; i < data.length; i++) view.setFloat32(start + 4 * i, data[i], true);
  else for (let i = 0; i < data.length; i++) view.setUint16(start + 2 * i, toFloat16Bits(data[i]), true);
}

/**
 * Tensors in the order of their names, so equal tensors give equal bytes.
 * @throws DS_BAD_MODEL when a shape does not fit its values.
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, ParameterValues>>,
  { dtype = 'float32', metadata = {} }: { dtype?: StoredDtype; metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  const names = Object.keys(tensors).sort();
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  let offset = 0;
  for (const name of names) {
    const { shape, data } = tensors[name] as ParameterValues;
    const end = offset + data.length * BYTES_PER_VALUE[dtype];
    const entry = { dtype: DTYPE_NAMES[dtype], shape, data_offsets: [offset, end] };
    if (name === '__metadata__') throw bad('`__metadata__` cannot be the name of a tensor');
    readEntry(name, entry);
    header.push([name, entry]);
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  // Spaces after the JSON keep the tensors aligned for readers that map the file.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX_BYTES + headerBytes + offset).fill(
    0x20,
    PREFIX_BYTES,
    PREFIX_BYTES + headerBytes,
  );
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, PREFIX_BYTES);
  let start = PREFIX_BYTES + headerBytes;
  for (const name of names) {
    const { data } = tensors[name] as ParameterValues;
    writeValues(view, start, data, dtype);
    start += data.length * BYTES_PER_VALUE[dtype];
  }
  return bytes;
}
