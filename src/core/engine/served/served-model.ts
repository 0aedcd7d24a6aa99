/** From a stored model to what the tile workers run. */
import { compileProgram } from '../../graph/compile.ts';
import { blockConvolutions, isFullyBlocked } from '../../graph/nchwc.ts';
import { type OnnxGraph, serializeOnnx } from '../../graph/onnx-model.ts';
import type { Program } from '../../graph/program.ts';
import { withSubpixelOutputs } from '../../graph/subpixel-outputs.ts';
import { createNetwork } from '../../network/create-network.ts';
import { createDuals } from '../../network/dual.ts';
import { countMacs, type Network } from '../../network/network.ts';
import type { NetworkSpec, ParameterValues } from '../../network/spec.ts';
import { createLanczos } from '../../network/upsample.ts';
import type { Tensor4D } from '../../tf.ts';
import type { EngineName } from '../engine.ts';
import { conditionedProgram, estimateProgram, reduceProgram, vectorWidth } from './programs.ts';
import type { OnnxServedModel, ServedGraph, ServedModel, ServedSpec } from './served-types.ts';

type Values = Readonly<Record<string, ParameterValues>>;

/** What is needed of a stored model; `StoredModel` of model-store fits. */
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

type ServedNetwork = Pick<Network<ServedSpec>, 'spec' | 'halo' | 'forward'>;

export function createServedNetwork(spec: ServedSpec): ServedNetwork {
  return spec.family === 'lanczos' ? createLanczos(spec) : createNetwork(spec);
}

/** Any size that is not special: the compiler proves that the graph does not depend on it. */
const TRACED_SIDE = 24;

/** Sizes of the image a graph is compiled for; without them any size is accepted at run time. */
export interface FixedSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Input `image` [1, H, W, 3] in 0..1, output `enlarged` [1, s*H, s*W, 3] in 0..1, not clamped; the weights are constants.
 */
export function enlargeProgram(network: ServedNetwork, parameters: Values, size?: FixedSize): Program {
  const { width, height } = size ?? { width: TRACED_SIDE, height: TRACED_SIDE };
  const constants = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, { dtype: 'float32' as const, shape, data }]),
  );
  return {
    name: network.spec.family,
    inputs: { image: { shape: [1, height, width, 3], dynamicAxes: size ? undefined : [1, 2] } },
    constants,
    run: (inputs) => ({ enlarged: network.forward(inputs, inputs['image'] as Tensor4D).at(-1) as Tensor4D }),
  };
}

/** What a model needs computed, as programs. */
type ServedPrograms = Readonly<Partial<Record<ServedGraph, Program>>>;

const compileAll = (programs: ServedPrograms, compile: (program: Program) => Uint8Array) =>
  Object.fromEntries(
    Object.entries(programs).flatMap(([name, program]) => (program ? [[name, compile(program)]] : [])),
  );

/** Those of `programs` whose graph for WebGPU differs from `onnx`. */
function compileForWebgpu(programs: ServedPrograms, onnx: Readonly<Record<string, Uint8Array>>) {
  const all = compileAll(programs, (program) => serializeOnnx(compileProgram(program, { target: 'webgpu' })));
  const others = Object.entries(all).filter(([name, bytes]) => Buffer.compare(bytes, onnx[name] as Uint8Array) !== 0);
  return others.length === 0 ? {} : { webgpu: Object.fromEntries(others) };
}

const NO_PARAMETERS: Values = {};

/** Lanczos-3 in place of a network: what to answer with when a network's result is not to be trusted. */
export function lanczosModel(scale: number, engine: EngineName = 'onnx'): ServedModel {
  const spec: ServedSpec = { family: 'lanczos', scale };
  const network = createServedNetwork(spec);
  // One convolution of 7x7 from RGB to `scale` squared of them, most of its weights zero.
  const macsPerLrPixel = (7 * 3 * scale) ** 2;
  const facts = { id: 'lanczos', digest: `lanczos-x${scale}`, scale, halo: network.halo, macsPerLrPixel };
  if (engine === 'tfjs') return { ...facts, engine, spec, parameters: NO_PARAMETERS };
  return { ...facts, engine, onnx: serializeOnnx(compileProgram(enlargeProgram(network, NO_PARAMETERS))) };
}

/** Multiply-accumulates for each LR pixel: the dual of every further level works on four times as many pixels. */
function dualMacs(spec: NetworkSpec): number {
  return createDuals(spec).reduce((sum, dual, level) => sum + countMacs(dual, 1, 1) * 4 ** level, 0);
}

/** For `onnx` this compiles, which takes milliseconds for `edge`; for `tfjs` the workers get spec and parameters as they are. */
export function compileServedModel(
  { manifest, parameters, dualParameters, digest }: ModelSource,
  engine: EngineName = 'onnx',
): ServedModel {
  const { id, spec, macs } = manifest;
  const network = createNetwork(spec);
  const facts = {
    id,
    digest,
    scale: spec.scale,
    halo: network.halo,
    macsPerLrPixel: macs.perLrPixel,
    dualMacsPerLrPixel: dualParameters ? dualMacs(spec) : undefined,
  };
  const width = vectorWidth(spec);
  const told = width === undefined ? {} : { vectorWidth: width };
  if (engine === 'tfjs') {
    return { ...facts, engine, spec, parameters, ...told, dualParameters };
  }
  const conditioned = spec.family === 'edge' && spec.code ? createNetwork(spec) : undefined;
  const primal = conditioned ? conditionedProgram(conditioned, parameters) : enlargeProgram(network, parameters);
  const graph = compileProgram(primal);
  const others: ServedPrograms = {
    dualOnnx: dualParameters ? reduceProgram(spec, dualParameters) : undefined,
    estimatorOnnx: conditioned ? estimateProgram(conditioned, parameters) : undefined,
  };
  const onnx = {
    onnx: serializeOnnx(graph),
    ...compileAll(others, (program) => serializeOnnx(compileProgram(program))),
  };
  return {
    ...facts,
    ...told,
    engine,
    ...onnx,
    ...compileForWebgpu({ onnx: primal, ...others }, onnx),
    ...compileForCpu(graph, conditioned !== undefined),
  };
}

/** The blocks that the provider may have (`nchwcBlockSize`). */
const BLOCK_SIZES = [8, 16] as const;

/**
 * ONNX Runtime brings convolutions with constant weights into blocks by itself, but does not see then that a residual can be added in place:
 * a copy of every block's features, 3 to 6 % of the whole time. Told weights it does not bring into blocks at all, which makes them take 1.2 to 1.3 times as long.
 *
 * @param graph with output `enlarged`.
 * @param isConditioned whether its weights depend on a code. Otherwise blocks are only for networks whose convolutions all fit.
 */
export function compileForCpu(
  graph: OnnxGraph,
  isConditioned: boolean,
): Pick<OnnxServedModel, 'cpuOnnx' | 'blockedOnnx'> {
  const inCells = withSubpixelOutputs(graph, 'enlarged');
  const [eight, sixteen] = BLOCK_SIZES.map((size) => blockConvolutions(inCells, size, { mayPad: true })) as [
    OnnxGraph,
    OnnxGraph,
  ];
  if (isConditioned || (isFullyBlocked(eight) && isFullyBlocked(sixteen))) {
    return { blockedOnnx: { 8: serializeOnnx(eight), 16: serializeOnnx(sixteen) } };
  }
  return inCells === graph ? {} : { cpuOnnx: serializeOnnx(inCells) };
}
