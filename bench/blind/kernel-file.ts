/** Blur kernels from a file of the user: MATLAB v5, or JSON as a matrix or a list of matrices. */
import { readFile } from 'node:fs/promises';
import { type BlurKernel, centreKernel, normaliseKernel } from '../../src/core/degradation/kernel.ts';
import { DualscaleError } from '../../src/core/errors.ts';
import { type MatMatrix, readMat } from './read-mat.ts';

const MAX_FILE_BYTES = 64 * 2 ** 20;
const MAX_SIDE = 127;

function toMatrix(rows: readonly (readonly number[])[]): MatMatrix {
  return { rows: rows.length, columns: rows[0]?.length ?? 0, data: Float64Array.from(rows.flat()) };
}

function readJson(text: string): MatMatrix[] {
  const value = JSON.parse(text) as unknown;
  const isMatrix = (item: unknown): item is number[][] =>
    Array.isArray(item) && item.every((row) => Array.isArray(row) && row.every((cell) => typeof cell === 'number'));
  if (isMatrix(value)) return [toMatrix(value)];
  if (Array.isArray(value) && value.every(isMatrix)) return value.map(toMatrix);
  throw new DualscaleError('DS_BAD_DATA', 'expected a matrix of numbers or a list of them');
}

/** Put into an odd square, normalised, its centre of mass moved to the middle: a kernel of the user's does not move pictures either. */
function toKernel({ rows, columns, data }: MatMatrix): BlurKernel {
  const side = Math.max(rows, columns);
  if (rows < 1 || columns < 1 || side > MAX_SIDE || data.length !== rows * columns || !data.every(Number.isFinite)) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `expected a kernel of 1 to ${MAX_SIDE} numbers a side, got ${rows}x${columns}`,
    );
  }
  const size = side % 2 === 1 ? side : side + 1;
  const square = new Float64Array(size * size);
  for (let row = 0; row < rows; row++) square.set(data.subarray(row * columns, (row + 1) * columns), row * size);
  return centreKernel(normaliseKernel({ size, data: square }));
}

/** All kernels of a `.mat` or `.json` file, in its order. Throws DS_BAD_DATA, naming the file. */
export async function readKernels(path: string): Promise<BlurKernel[]> {
  const bytes = await readFile(path);
  try {
    if (bytes.length > MAX_FILE_BYTES) throw new DualscaleError('DS_BAD_DATA', `more than ${MAX_FILE_BYTES} bytes`);
    const matrices = path.endsWith('.json') ? readJson(bytes.toString('utf8')) : [...readMat(bytes).values()].flat();
    if (matrices.length === 0) throw new DualscaleError('DS_BAD_DATA', 'it holds no matrix');
    return matrices.map(toKernel);
  } catch (cause) {
    throw new DualscaleError('DS_BAD_DATA', `${path}: ${(cause as Error).message}`, { cause });
  }
}
