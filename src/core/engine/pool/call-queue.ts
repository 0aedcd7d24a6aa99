/** Which tile starts next: pictures take turns, so that a small one does not wait for every tile of a large one. */
import type { TileTask } from '../tile/tile-task.ts';

export interface QueuedCall {
  readonly pending: TileTask[];
}

export interface CallQueue<Call extends QueuedCall> {
  add(call: Call): void;
  /** The call whose turn it is with its next tile, or undefined when nothing waits. */
  next(): { readonly call: Call; readonly task: TileTask } | undefined;
  /** Gives a tile back that was taken and not done: it is the next of its call. */
  putBack(call: Call, task: TileTask): void;
  /** Drops the tiles of a call that have not started. */
  drop(call: Call): void;
  readonly calls: readonly Call[];
}

export function createCallQueue<Call extends QueuedCall>(): CallQueue<Call> {
  const calls: Call[] = [];
  return {
    calls,
    add: (call) => {
      calls.push(call);
    },
    next: () => {
      const call = calls.shift();
      const task = call?.pending.shift();
      if (!(call && task)) return undefined;
      if (call.pending.length > 0) calls.push(call);
      return { call, task };
    },
    putBack: (call, task) => {
      call.pending.unshift(task);
      if (!calls.includes(call)) calls.unshift(call);
    },
    drop: (call) => {
      call.pending.length = 0;
      const index = calls.indexOf(call);
      if (index >= 0) calls.splice(index, 1);
    },
  };
}
