/** From a TF.js function to a session that runs it: what a server waits at its start, and a trainer before its first step. */

import { median } from '../src/core/measure/percentile.ts';
import type { EdgeSpec } from '../src/core/network/spec.ts';
import type { Benchmark, Row } from './benchmark.ts';
import type { CompileConfig, CompileReport } from './compile-case.ts';
import { forkCase } from './fork-case.ts';

const SPEC: EdgeSpec = { family: 'edge', scale: 4, featureCount: 32, innerWidths: Array(8).fill(32) };
const PROCESSES = 3;
const REPEATS = 5;

const PROGRAMS: readonly { readonly program: CompileConfig['program']; readonly label: string }[] = [
  { program: 'enlarge', label: 'inference, any size' },
  { program: 'gradient', label: 'training, forward and gradients' },
  { program: 'adam', label: 'training, optimiser' },
];

function toRow(label: string, when: string, reports: readonly CompileReport[], from: number, to: number): Row {
  const times = reports.flatMap((report) => report.times.slice(from, to));
  return {
    program: label,
    when,
    nodes: reports[0].nodes,
    'ONNX KiB': Math.round(reports[0].onnxBytes / 1024),
    'compile ms': median(times.map(({ compileMs }) => compileMs)),
    'of it trace ms': median(times.map(({ traceMs }) => traceMs)),
    'session ms': median(times.map(({ sessionMs }) => sessionMs)),
    runs: times.length,
  };
}

export const compile: Benchmark = {
  name: 'compile',
  async run({ log }) {
    const rows: Row[] = [];
    for (const { program, label } of PROGRAMS) {
      log(label);
      const config: CompileConfig = { program, spec: SPEC, repeats: REPEATS };
      const reports: CompileReport[] = [];
      for (let i = 0; i < PROCESSES; i++) reports.push(await forkCase<CompileReport>('compile-case', config));
      rows.push(toRow(label, 'first', reports, 0, 1), toRow(label, 'later', reports, 1, REPEATS + 1));
    }
    return {
      tables: [{ title: 'From program to session: edge x4, 32 channels, 8 blocks, medians', rows }],
      goals: [],
      notes: [
        '`first`: the first compilation of a process, after its modules are loaded. `compile` traces, emits and serialises;',
        'it traces twice where sizes are free. The trace is timed alone, after the rest, so it is never cold.',
      ],
    };
  },
};
