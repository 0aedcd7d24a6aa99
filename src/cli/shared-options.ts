/** Options that several commands take. */
import { Option } from 'commander';
import { ENGINE_NAMES } from '../core/engine/engine.ts';
import { DEGRADATION_MODES } from '../core/upscale/degradation-hint.ts';
import { integerFrom, milliseconds } from './option-values.ts';

export const models = () =>
  new Option('--models <dir>', 'folder of models; default: those that ship with the package').env('DUALSCALE_MODELS');
export const engine = () =>
  new Option('--engine <name>', 'what runs networks: ONNX Runtime or TF.js').choices(ENGINE_NAMES).default('onnx');
export const ONNX_PROVIDERS = ['auto', 'cpu', 'webgpu', 'cuda', 'tensorrt'];
export const provider = (whenAbsent: string) =>
  new Option('--provider <name>', 'where networks run; tensorflow and wasm belong to --engine tfjs, cpu to both')
    .choices([...ONNX_PROVIDERS, 'tensorflow', 'wasm'])
    .default(whenAbsent);
export const degradation = (what: string) => new Option('--degradation <kind>', what).choices(DEGRADATION_MODES);
export const latencyObjective = () =>
  new Option(
    '--latency-objective <time>',
    'time in which an answer should be ready, e.g. 300ms: a quicker model answers where the serving one would be later',
  ).argParser(milliseconds);
export const workers = (what: string) => new Option('--workers <n>', what).argParser(integerFrom(1, 1024));
