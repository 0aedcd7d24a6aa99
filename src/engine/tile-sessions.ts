/** The sessions of one worker: created on first use, the least recently used one released when there are too many. */
import { InferenceSession } from 'onnxruntime-node';
import type { Provider } from './engine.ts';
import type { SharedModel } from './tile-task.ts';

/** Two thread counts for each of a current and a previous model: a server that switches models drops no session in use. */
const MAX_SESSIONS = 4;

const sessions = new Map<string, Promise<InferenceSession>>();

function createSession(model: SharedModel, provider: Provider, threads: number): Promise<InferenceSession> {
  // The native side takes no shared memory.
  const onnx = new Uint8Array(model.onnx.byteLength);
  onnx.set(new Uint8Array(model.onnx));
  return InferenceSession.create(onnx, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // A pattern is kept for each input size ever seen, and a server sees many.
    enableMemPattern: false,
    // A thread that spins while it waits takes a core from other workers; no difference in time was measured at two threads.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  });
}

export async function sessionFor(model: SharedModel, provider: Provider, threads: number): Promise<InferenceSession> {
  const key = `${model.digest} ${provider} ${threads}`;
  const session = sessions.get(key) ?? createSession(model, provider, threads);
  sessions.delete(key);
  sessions.set(key, session);
  if (sessions.size > MAX_SESSIONS) {
    const [oldestKey, oldest] = sessions.entries().next().value as [string, Promise<InferenceSession>];
    sessions.delete(oldestKey);
    await oldest.then((unused) => unused.release());
  }
  try {
    return await session;
  } catch (error) {
    sessions.delete(key);
    throw error;
  }
}
