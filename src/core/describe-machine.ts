import { availableParallelism, cpus, totalmem } from 'node:os';

/** e.g. `Intel(R) Xeon(R) CPU @ 2.60GHz, 2 cores, 8 GB, linux x64, Node 20.20.2`. */
export function describeMachine(): string {
  const model = cpus()[0]?.model.trim().replace(/\s+/g, ' ') || process.arch;
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  const system = `${process.platform} ${process.arch}, Node ${process.versions.node}`;
  return `${model}, ${availableParallelism()} cores, ${memory}, ${system}`;
}
