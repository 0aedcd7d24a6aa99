/**
 * The state of one emission: ONNX nodes so far, and for every tape value the ONNX name that holds
 * it and in which layout.
 *
 * TF.js works in NHWC, ONNX Runtime's convolutions in NCHW. Instead of transposing around every
 * convolution, a rank-4 value may be *held* channels-first (`layout: 'nchw'`) while its tape shape
 * stays NHWC; kernels that do not care about the order (all element-wise ones) pass that layout on.
 * Transposes remain only where a program enters or leaves.
 */
import type { OnnxAttribute, OnnxDtype, OnnxInitializer, OnnxNode } from '../onnx-model.ts';
import { sameShape, sizeOf, type TapeNode } from '../tape.ts';

export type Layout = 'plain' | 'nchw';

/**
 * `webgpu` avoids what ONNX Runtime's WebGPU provider lacks or gets wrong (docs/gpu.md); every
 * provider runs `any`.
 */
export type Target = 'any' | 'webgpu';

export interface Held {
  readonly name: string;
  /** Shape as the program sees it (NHWC). */
  readonly shape: readonly number[];
  /**
   * Shape that is really stored, in program order: equal to `shape`, or broadcastable to it when
   * spreading out was put off.
   */
  readonly stored: readonly number[];
  readonly layout: Layout;
  readonly dtype: OnnxDtype;
  /** Known value of a constant that is the same number everywhere. */
  readonly splat?: number;
  readonly constant?: boolean;
}

export const NHWC_TO_NCHW = [0, 3, 1, 2] as const;
const NCHW_TO_NHWC = [0, 2, 3, 1] as const;

/** NHWC shape -> the order in which an `nchw` value is stored. */
export function nchwShape(shape: readonly number[]): number[] {
  return NHWC_TO_NCHW.map((axis) => shape[axis]);
}

/** Whether going channels-first moves no data: one channel, or one pixel. */
function movesNothing([, h, w, c]: readonly number[]): boolean {
  return c === 1 || h * w === 1;
}

export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly #constants = new Map<string, string>();
  readonly #converted = new Map<string, Held>();
  readonly #reserved: ReadonlySet<string>;
  readonly target: Target;
  #counter = 0;

  /** @param reserved names of the program's inputs and outputs, which no value inside may have. */
  constructor(reserved: ReadonlySet<string>, target: Target = 'any') {
    this.#reserved = reserved;
    this.target = target;
  }

  fresh(hint: string): string {
    this.#counter += 1;
    const name = `${hint}_${this.#counter}`;
    return this.#reserved.has(name) ? this.fresh(hint) : name;
  }

  node(op: string, inputs: readonly string[], attributes: Record<string, OnnxAttribute> = {}, domain?: string): string {
    const output = this.fresh(op.toLowerCase());
    this.nodes.push({ op, inputs, outputs: [output], attributes, domain: domain || undefined });
    return output;
  }

  #initializer(dtype: OnnxDtype, shape: readonly number[], bytes: Uint8Array): string {
    const key = bytes.length <= 256 ? `${dtype}|${shape}|${bytes}` : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known) return known;
    const name = this.fresh('const');
    this.initializers.push({ name, dtype, shape, bytes });
    if (key !== undefined) this.#constants.set(key, name);
    return name;
  }

  int64(values: readonly number[]): string {
    return this.#initializer('int64', [values.length], new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer));
  }

  float(values: ArrayLike<number>, shape: readonly number[] = []): string {
    return this.#initializer('float32', shape, new Uint8Array(Float32Array.from(values).buffer));
  }

  constant(data: Float32Array | Int32Array | Uint8Array, shape: readonly number[], dtype: OnnxDtype): Held {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    return {
      name: this.#initializer(dtype, shape, bytes),
      shape,
      stored: shape,
      layout: 'plain',
      dtype,
      constant: true,
    };
  }

  splat(value: number, shape: readonly number[], dtype: OnnxDtype): Held {
    const typed =
      dtype === 'float32' ? Float32Array.of(value) : dtype === 'int32' ? Int32Array.of(value) : Uint8Array.of(value);
    const held = this.constant(typed, [], dtype);
    return { ...held, shape, stored: [], splat: value };
  }

  /** Spreads a value whose broadcasting was put off to its full shape. */
  full(value: Held): Held {
    if (sameShape(value.stored, value.shape)) return value;
    const plain = value.stored.length === 4 ? this.plainStored(value) : value;
    const name = this.node('Expand', [plain.name, this.int64(value.shape)]);
    return { name, shape: value.shape, stored: value.shape, layout: 'plain', dtype: value.dtype };
  }

  /** The value in program order, spread out. */
  plain(value: Held): Held {
    return this.plainStored(this.full(value));
  }

  plainStored(value: Held): Held {
    return value.layout === 'plain' ? value : this.#convert(value, 'plain', NCHW_TO_NHWC);
  }

  /** A rank-4 value channels-first, spread out. */
  nchw(value: Held): Held {
    const full = this.full(value);
    if (full.shape.length !== 4)
      throw new Error(`only rank-4 values have a channels-first layout, got [${full.shape}]`);
    return full.layout === 'nchw' ? full : this.#convert(full, 'nchw', NHWC_TO_NCHW);
  }

  #convert(value: Held, layout: Layout, perm: readonly number[]): Held {
    const key = `${value.name}|${layout}`;
    const known = this.#converted.get(key);
    // The same name may stand for several values that differ in how far they are to be spread out.
    if (known) return { ...known, shape: value.shape };
    const name = movesNothing(value.stored)
      ? this.#relabel(value, layout)
      : this.node('Transpose', [value.name], { perm: { ints: perm } });
    const converted = { ...value, name, layout };
    this.#converted.set(key, converted);
    this.#converted.set(`${name}|${value.layout}`, value);
    return converted;
  }

  /**
   * Another layout without moving data, in a form that does not depend on the sizes of the other
   * axes.
   */
  #relabel({ name, stored }: Held, layout: Layout): string {
    const [, , , channels] = stored;
    const [from, to] = layout === 'nchw' ? [3, 1] : [1, 3];
    if (channels === 1) {
      return this.node('Unsqueeze', [this.node('Squeeze', [name, this.int64([from])]), this.int64([to])]);
    }
    // Zero keeps the size of the first axis.
    return this.node('Reshape', [name, this.int64(layout === 'nchw' ? [0, channels, 1, 1] : [0, 1, 1, channels])]);
  }

  /** An operand of an element-wise kernel whose result is held as `layout` with `rank` axes. */
  operand(value: Held, layout: Layout, rank: number): string {
    if (layout === 'plain') return this.plainStored(value).name;
    if (sizeOf(value.stored) === 1) return value.name;
    if (value.stored.length === 4) return this.nchw({ ...value, shape: value.stored }).name;
    const lifted = [...Array<number>(rank - value.stored.length).fill(1), ...value.stored];
    if (movesNothing(lifted)) return this.node('Reshape', [value.name, this.int64(nchwShape(lifted))]);
    const name = this.node('Reshape', [value.name, this.int64(lifted)]);
    return this.nchw({ ...value, name, shape: lifted, stored: lifted }).name;
  }

  cast(name: string, dtype: OnnxDtype): string {
    const code = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 }[dtype];
    return this.node('Cast', [name], { to: { int: code } });
  }
}

/** Emits ONNX for one tape node. `shapes` are the node's output shapes in program order. */
export type EmitRule = (
  emitter: Emitter,
  inputs: readonly Held[],
  node: TapeNode,
  shapes: readonly (readonly number[])[],
) => Held;
