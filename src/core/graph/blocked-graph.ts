/**
 * The graph that the blocking pass writes: it knows which values exist in blocked order, in their
 * own, or in both.
 */
import type { OnnxGraph, OnnxInitializer, OnnxNode, OnnxValue } from './onnx-model.ts';

export const NCHWC_DOMAIN = 'com.microsoft.nchwc';

export type Shape = readonly number[];

export class BlockedGraph {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[];
  readonly valueInfo: OnnxValue[] = [];
  /** Blocked form of a value, by its original name. */
  readonly #blocked = new Map<string, string>();
  /** Channels that fill the last block of a blocked value and are not the value's. */
  readonly #padding = new Map<string, number>();
  /** Values that exist in their original order. */
  readonly #plain = new Set<string>();
  readonly #block: number;
  readonly #shapes: Map<string, Shape>;
  readonly #symbolic: OnnxGraph['symbolicShapes'];
  readonly #constants = new Map<string, string>();

  constructor(graph: OnnxGraph, block: number) {
    this.#block = block;
    this.#shapes = new Map(graph.shapes);
    this.#symbolic = graph.symbolicShapes;
    this.initializers = [...graph.initializers];
  }

  shape(name: string): Shape | undefined {
    return this.#shapes.get(name);
  }

  setShape(name: string, shape: Shape): void {
    this.#shapes.set(name, shape);
  }

  isBlocked(name: string): boolean {
    return this.#blocked.has(name);
  }

  int64(values: readonly number[]): string {
    const name = `blocked_${values.join('_')}`;
    if (!this.#constants.has(name)) {
      const bytes = new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
      this.initializers.push({ name, dtype: 'int64', shape: [values.length], bytes });
      this.#constants.set(name, name);
    }
    return name;
  }

  push(node: OnnxNode): string {
    this.nodes.push(node);
    return node.outputs[0];
  }

  /** Declares that `name` now exists in blocked order only, held as the returned name. */
  holdBlocked(name: string): string {
    const blocked = `${name}_nchwc`;
    this.#blocked.set(name, blocked);
    return blocked;
  }

  /**
   * As `holdBlocked`, for what a convolution gives, with `padding` channels more than the value
   * has. ONNX Runtime does not know its size where that is free, and writes a sum in place of its
   * operand only where both have the same.
   */
  holdConvolved(name: string, padding: number): string {
    const blocked = this.holdBlocked(name);
    if (padding > 0) this.#padding.set(name, padding);
    const shape = this.#symbolic?.get(name);
    const stored = shape?.map((dim, axis) => (axis === 1 && typeof dim === 'number' ? dim + padding : dim));
    if (stored) this.valueInfo.push({ name: blocked, dtype: 'float32', shape: stored });
    return blocked;
  }

  /** Above 0 only convolutions may read the blocked form. */
  paddingOf(name: string): number {
    return this.#padding.get(name) ?? 0;
  }

  canBlock(name: string): boolean {
    const shape = this.shape(name);
    return this.isBlocked(name) || (shape?.length === 4 && shape[1] % this.#block === 0);
  }

  /** The blocked form, converted where it does not exist yet. */
  blocked(name: string): string {
    const known = this.#blocked.get(name);
    if (known) return known;
    this.#plain.add(name);
    const output = this.holdBlocked(name);
    return this.push({ op: 'ReorderInput', domain: NCHWC_DOMAIN, inputs: [name], outputs: [output] });
  }

  /** The value under its own name, converted back where it exists in blocked order only. */
  plain(name: string): string {
    const blocked = this.#blocked.get(name);
    if (blocked && !this.#plain.has(name)) {
      this.#plain.add(name);
      const channels = (this.shape(name) as Shape)[1];
      this.push({
        op: 'ReorderOutput',
        domain: NCHWC_DOMAIN,
        inputs: [blocked],
        outputs: [name],
        attributes: { channels: { int: channels } },
      });
    }
    return name;
  }

  /** Marks a value that a node computes in its original order. */
  computedPlain(name: string): void {
    this.#plain.add(name);
  }
}
