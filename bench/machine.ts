/** Where and when: no figure is worth anything without it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { VERSION } from '../src/core/version.ts';

/** The instruction sets that decide how fast convolutions are. */
const NOTABLE_FLAGS = ['avx2', 'avx512f', 'avx512_vnni', 'amx_tile', 'asimd', 'sve'];

function cpuFlags(): string {
  if (!existsSync('/proc/cpuinfo')) return '';
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  const flags = new Set(line.split(' '));
  return NOTABLE_FLAGS.filter((flag) => flags.has(flag)).join(' ');
}

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changed =
      git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'bench') === '' ? '' : ' + changes';
    return `${git('rev-parse', '--short', 'HEAD')}${changed}`;
  } catch {
    return 'unknown';
  }
}

export function describeMachine(now: Date) {
  const require = createRequire(import.meta.url);
  const version = (name: string) => (require(`${name}/package.json`) as { version: string }).version;
  return {
    date: now.toISOString().slice(0, 16),
    cpu: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores`,
    cpuFlags: cpuFlags(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    /** Other work on the machine before the run; above about 0.2 the figures are not worth writing down. */
    loadAverage1Min: Number(loadavg()[0]?.toFixed(2)),
    node: process.version,
    dualscale: `${VERSION} at ${commit()}`,
    onnxruntime: version('onnxruntime-node'),
    tfjs: version('@tensorflow/tfjs'),
  };
}
