/**
 * Tape rewrites that see more than one kernel: dead code, bias into convolution, pixel unshuffle,
 * ReLU's mask.
 */
import type { Tape, TapeNode } from './tape.ts';
import { countUses, sameShape } from './tape.ts';

type Rewrite = (tape: Tape) => Tape;

const dropDeadNodes: Rewrite = (tape) => {
  const needed = new Set(Object.values(tape.outputs));
  const nodes: TapeNode[] = [];
  for (const node of tape.nodes.toReversed()) {
    if (!node.outputs.some((id) => needed.has(id))) continue;
    for (const id of node.inputs) needed.add(id);
    nodes.push(node);
  }
  return { ...tape, nodes: nodes.reverse() };
};

function producers(tape: Tape): Map<number, TapeNode> {
  return new Map(tape.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
}

/**
 * Conv2D followed by the addition of a [C] vector, when nothing else reads the convolution: one
 * Conv with a bias.
 */
const fuseBias: Rewrite = (tape) => {
  const uses = countUses(tape);
  const producer = producers(tape);
  const fused = new Map<TapeNode, TapeNode>();
  const gone = new Set<TapeNode>();
  for (const node of tape.nodes) {
    if (node.kernel !== 'Add') continue;
    for (const [y, bias] of [node.inputs, node.inputs.toReversed()]) {
      const conv = producer.get(y);
      if (conv?.kernel !== 'Conv2D' || conv.inputs.length > 2 || uses[y] !== 1) continue;
      const channels = tape.values[y].shape[3];
      if (!sameShape(tape.values[bias].shape, [channels])) continue;
      fused.set(node, { ...conv, inputs: [...conv.inputs, bias], outputs: node.outputs });
      gone.add(conv);
      break;
    }
  }
  return { ...tape, nodes: tape.nodes.flatMap((node) => (gone.has(node) ? [] : [fused.get(node) ?? node])) };
};

/**
 * reshape to [n, h, s, w, s, c], transpose, reshape back: the gradient of a pixel shuffle, one
 * SpaceToDepth.
 */
const fuseSpaceToDepth: Rewrite = (tape) => {
  const producer = producers(tape);
  const nodes = tape.nodes.map((node): TapeNode => {
    if (node.kernel !== 'Reshape') return node;
    const transpose = producer.get(node.inputs[0]);
    const split = transpose?.kernel === 'Transpose' ? producer.get(transpose.inputs[0]) : undefined;
    if (!transpose || split?.kernel !== 'Reshape') return node;
    const source = tape.values[split.inputs[0]].shape;
    const [n, h, s, w, s2, c] = tape.values[split.outputs[0]].shape;
    const target = tape.values[node.outputs[0]].shape;
    const matches =
      source.length === 4 && s === s2 && sameShape(source, [n, h * s, w * s, c]) && sameShape(target, [n, h, w, s * s * c]) &&
      sameShape(transpose.attributes['perm'] as number[], [0, 1, 3, 2, 4, 5]); // biome-ignore format: one condition
    return matches
      ? { kernel: 'SpaceToDepth', inputs: split.inputs, outputs: node.outputs, attributes: { blockSize: s } }
      : node;
  });
  return { ...tape, nodes };
};

/** ReLU's gradient masks with step(x); step(relu(x)) is the same and lets the runtime forget x. */
const maskFromRelu: Rewrite = (tape) => {
  const relu = new Map<number, number>();
  const nodes = tape.nodes.map((node) => {
    if (node.kernel === 'Relu') relu.set(node.inputs[0], node.outputs[0]);
    const activated = node.kernel === 'Step' && !node.attributes['alpha'] ? relu.get(node.inputs[0]) : undefined;
    return activated === undefined ? node : { ...node, inputs: [activated] };
  });
  return { ...tape, nodes };
};

const REWRITES: readonly Rewrite[] = [dropDeadNodes, maskFromRelu, fuseSpaceToDepth, dropDeadNodes, fuseBias];

export function rewriteTape(tape: Tape): Tape {
  return REWRITES.reduce((current, rewrite) => rewrite(current), tape);
}
