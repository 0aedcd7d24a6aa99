/** Compiles one program in a fresh process, then again. Sends a `CompileReport`. */
import { createSession } from '../src/core/engine/onnx/onnx-session.ts';
import { enlargeProgram } from '../src/core/engine/served/programs.ts';
import { compileProgram } from '../src/core/graph/compile.ts';
import { serializeOnnx } from '../src/core/graph/onnx-model.ts';
import type { Program } from '../src/core/graph/program.ts';
import { rewriteTape } from '../src/core/graph/rewrite.ts';
import { traceProgram } from '../src/core/graph/trace.ts';
import { createNetwork, initialiseParameters } from '../src/core/network/create-network.ts';
import type { EdgeSpec } from '../src/core/network/spec.ts';
import { createRandom } from '../src/core/random.ts';
import { createObjective, gradientProgram } from '../src/trainer/train/step/objective.ts';
import { adamProgram } from '../src/trainer/train/step/optimizer.ts';
import { caseConfig } from './fork-case.ts';

export interface CompileConfig {
  readonly program: 'enlarge' | 'gradient' | 'adam';
  readonly spec: EdgeSpec;
  /** Compilations after the first. */
  readonly repeats: number;
}

interface CompileTimes {
  /** From program to the bytes of an ONNX file: traces (twice where sizes are free, to prove that they are), emits, serialises. */
  readonly compileMs: number;
  readonly sessionMs: number;
  /** One trace alone, after the others. */
  readonly traceMs: number;
}

export interface CompileReport {
  /** The first entry is the process' first compilation. */
  readonly times: readonly CompileTimes[];
  readonly nodes: number;
  readonly onnxBytes: number;
}

function createProgram({ program, spec }: CompileConfig): Program {
  const objective = createObjective(spec, 0.1);
  switch (program) {
    case 'enlarge': {
      const network = createNetwork(spec);
      return enlargeProgram(network, initialiseParameters(network, createRandom(1)));
    }
    case 'gradient':
      return gradientProgram(objective, { batchSize: 1, lrPatchSize: 48 });
    case 'adam':
      return adamProgram(objective.layout.size);
  }
}

async function compileOnce(program: Program) {
  const start = performance.now();
  const graph = compileProgram(program);
  const onnx = serializeOnnx(graph);
  const compiled = performance.now();
  const session = await createSession(onnx, { threads: 1 });
  const created = performance.now();
  await session.release();
  const released = performance.now();
  rewriteTape(traceProgram(program));
  const traceMs = performance.now() - released;
  const times = { compileMs: compiled - start, sessionMs: created - compiled, traceMs };
  return { times, nodes: graph.nodes.length, onnxBytes: onnx.length };
}

async function runCase(config: CompileConfig): Promise<CompileReport> {
  const program = createProgram(config);
  const { times: first, nodes, onnxBytes } = await compileOnce(program);
  const times = [first];
  for (let i = 0; i < config.repeats; i++) times.push((await compileOnce(program)).times);
  return { times, nodes, onnxBytes };
}

process.send?.(await runCase(caseConfig<CompileConfig>()));
