/** From a stored model to what the tile workers run. */
import { compileProgram } from '../../graph/compile.ts';
import { blockConvolutions, isFullyBlocked } from '../../graph/nchwc.ts';
import { type OnnxGraph, serializeOnnx } from '../../graph/onnx-model.ts';
import type { Program } from '../../graph/program.ts';
import { withSubpixelOutputs } from '../../graph/subpixel-outputs.ts';
import { createDuals } from '../../network/dual.ts';
import { countMacs } from '../../network/network.ts';
import type { NetworkSpec, ParameterValues } from '../../network/spec.ts';
import type { EngineName } from '../runtime.ts';
import {
  createServedNetwork,
  enlargeProgram,
  estimateProgram,
  reduceProgram,
  tileProgram,
  vectorWidth,
} from './programs.ts';
import type { OnnxServedModel, ServedGraph, ServedModel, ServedSpec } from './served-types.ts';

type Values = Readonly<Record<string, ParameterValues>>;
type Graphs = Partial<Record<ServedGraph, Uint8Array>>;

/** What is needed of a stored model; `StoredModel` of core/models fits. */
interface ModelSource {
  readonly manifest: {
    readonly id: string;
    readonly spec: NetworkSpec;
    readonly macs: { readonly perLrPixel: number };
  };
  readonly parameters: Values;
  readonly dualParameters?: Values;
  readonly digest: string;
}

const compile = (program: Program, target?: 'webgpu'): Uint8Array => serializeOnnx(compileProgram(program, { target }));

/** Those of the graphs that differ for WebGPU; undefined where none does. */
function compileForWebgpu(programs: ReadonlyMap<ServedGraph, Program>, graphs: Graphs): Graphs | undefined {
  const others: Graphs = {};
  for (const [name, program] of programs) {
    const graph = compile(program, 'webgpu');
    if (Buffer.compare(graph, graphs[name] as Uint8Array) !== 0) others[name] = graph;
  }
  return Object.keys(others).length > 0 ? others : undefined;
}

/**
 * The forms that only ONNX Runtime's CPU provider runs, and runs faster. It brings convolutions
 * with constant weights into blocks by itself, but does not see then that a residual can be added
 * in place: a copy of every block's features, 3 to 6 % of the whole time. Conditioned weights it
 * does not bring into blocks at all, which makes them take 1.2 to 1.3 times as long.
 *
 * @param graph with output `enlarged`.
 * @param isConditioned whether its weights depend on a degradation vector. Otherwise blocks are
 *   only for networks whose convolutions all fit.
 */
export function compileForCpu(
  graph: OnnxGraph,
  isConditioned: boolean,
): Pick<OnnxServedModel, 'cpuOnnx' | 'blockedOnnx'> {
  const forCpu = withSubpixelOutputs(graph, 'enlarged');
  const eight = blockConvolutions(forCpu, 8, { mayPad: true });
  const sixteen = blockConvolutions(forCpu, 16, { mayPad: true });
  if (isConditioned || (isFullyBlocked(eight) && isFullyBlocked(sixteen))) {
    return { blockedOnnx: { 8: serializeOnnx(eight), 16: serializeOnnx(sixteen) } };
  }
  return forCpu === graph ? {} : { cpuOnnx: serializeOnnx(forCpu) };
}

/**
 * Lanczos-3 in place of a network: what to answer with when a network's result is not to be
 * trusted.
 */
export function lanczosModel(scale: number, engine: EngineName = 'onnx'): ServedModel {
  const spec: ServedSpec = { family: 'lanczos', scale };
  const network = createServedNetwork(spec);
  const facts = {
    id: 'lanczos',
    digest: `lanczos-x${scale}`,
    scale,
    halo: network.halo,
    // One convolution of 7x7 from RGB to `scale` squared of them, most of its weights zero.
    macsPerLrPixel: (7 * 3 * scale) ** 2,
  };
  if (engine === 'tfjs') return { ...facts, engine, spec, parameters: {} };
  return { ...facts, engine, onnx: compile(enlargeProgram(network, {})) };
}

/**
 * Multiply-accumulates for each LR pixel: the dual of every further scale works on four times as
 * many pixels.
 */
function dualMacs(spec: NetworkSpec): number {
  return createDuals(spec).reduce((sum, dual, step) => sum + countMacs(dual, 1, 1) * 4 ** step, 0);
}

/**
 * For `onnx` this compiles, which takes milliseconds for `edge`; for `tfjs` the workers get spec
 * and parameters as they are.
 */
export function compileServedModel(
  { manifest, parameters, dualParameters, digest }: ModelSource,
  engine: EngineName = 'onnx',
): ServedModel {
  const { id, spec, macs } = manifest;
  const network = createServedNetwork(spec);
  const facts = {
    id,
    digest,
    scale: spec.scale,
    halo: network.halo,
    macsPerLrPixel: macs.perLrPixel,
    dualMacsPerLrPixel: dualParameters && dualMacs(spec),
    vectorWidth: vectorWidth(spec),
  };
  if (engine === 'tfjs') return { ...facts, engine, spec, parameters, dualParameters };
  const primal = tileProgram(network, parameters);
  const dual = dualParameters && reduceProgram(spec, dualParameters);
  const estimator = estimateProgram(network, parameters);
  const programs = new Map<ServedGraph, Program>([['onnx', primal]]);
  if (dual) programs.set('dualOnnx', dual);
  if (estimator) programs.set('estimatorOnnx', estimator);
  const graph = compileProgram(primal);
  const graphs = {
    onnx: serializeOnnx(graph),
    dualOnnx: dual && compile(dual),
    estimatorOnnx: estimator && compile(estimator),
  };
  return {
    ...facts,
    engine,
    ...graphs,
    webgpu: compileForWebgpu(programs, graphs),
    ...compileForCpu(graph, estimator !== undefined),
  };
}
