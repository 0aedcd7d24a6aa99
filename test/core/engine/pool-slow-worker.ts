/** A worker module that takes its time to load, leaves a file when it has, and dies of its first task. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { threadId } from 'node:worker_threads';

/** The file's name: process and thread. */
export type LoadedMark = `dualscale-slow-worker-${number}-${number}`;

// Asleep as a whole thread: modules that wait for promises do not load from TypeScript here.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
const mark: LoadedMark = `dualscale-slow-worker-${process.pid}-${threadId}`;
writeFileSync(`${tmpdir()}/${mark}`, '');

/** Ends its thread. @public Piscina looks it up by name. */
export const runTile = async () => process.exit(1);
