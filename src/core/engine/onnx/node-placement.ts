/**
 * Which nodes of a graph a provider does not run itself. Each costs a trip to the CPU and back, so
 * operators of a GPU should know.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import type { Provider } from '../runtime.ts';
import { createSession, type SessionOptions } from './onnx-session.ts';

export interface NodePlacement {
  readonly provider: Provider;
  /** Nodes that ran on the provider, copies not counted. */
  readonly nodes: number;
  /** Nodes that ran on the CPU instead, by operator. */
  readonly cpuNodes: Readonly<Record<string, number>>;
  /** Values copied between the provider and the CPU inside the graph. */
  readonly copies: number;
}

/** ONNX Runtime's name of each provider. */
const PROVIDER_NAMES: Readonly<Record<Provider, string>> = {
  cpu: 'CPUExecutionProvider',
  webgpu: 'WebGpuExecutionProvider',
  cuda: 'CUDAExecutionProvider',
  tensorrt: 'TensorrtExecutionProvider',
};

/** What is read of an event in ONNX Runtime's profile. */
interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly args?: { readonly provider?: string; readonly op_name?: string; readonly node_index?: string };
}

/**
 * @param profile the text of a profile that covers at least one run; a node that ran often counts
 * once.
 */
export function readPlacement(profile: string, provider: Provider): NodePlacement {
  const events = (JSON.parse(profile) as ProfileEvent[]).filter(
    ({ cat, name }) => cat === 'Node' && name?.endsWith('_kernel_time'),
  );
  const ran = new Map(events.map(({ name, args }) => [`${args?.node_index} ${name}`, args]));
  let [nodes, copies] = [0, 0];
  const cpuNodes: Record<string, number> = {};
  for (const args of ran.values()) {
    const op = args?.op_name ?? 'unknown';
    if (op.startsWith('Memcpy')) copies += 1;
    else if (args?.provider === PROVIDER_NAMES.cpu && provider !== 'cpu') cpuNodes[op] = (cpuNodes[op] ?? 0) + 1;
    else nodes += 1;
  }
  return { provider, nodes, cpuNodes, copies };
}

/** One line for a log. */
export function describePlacement({ provider, nodes, cpuNodes, copies }: NodePlacement): string {
  const ops = Object.entries(cpuNodes).sort(([, a], [, b]) => b - a);
  const total = ops.reduce((sum, [, count]) => sum + count, nodes);
  if (ops.length === 0) return `all ${total} nodes run on ${provider}`;
  const listed = ops.map(([op, count]) => `${op} ${count}`).join(', ');
  return `${nodes} of ${total} nodes run on ${provider}; on the CPU, with ${copies} copies: ${listed}`;
}

export interface ProfiledSession {
  readonly session: InferenceSession;
  /**
   * To be called once, after a run: ends the profile, so that later runs are not slowed down, and
   * reads it.
   */
  placement(): Promise<NodePlacement>;
  /** Releases the session, and removes a profile that nobody read. */
  release(): Promise<void>;
}

/** A session that can tell after its first run which nodes ran where. */
export async function createProfiledSession(onnx: Uint8Array, options: SessionOptions): Promise<ProfiledSession> {
  const folder = await mkdtemp(join(tmpdir(), 'dualscale-profile-'));
  const session = await createSession(onnx, { ...options, profile: join(folder, 'profile') });
  const removeProfile = () => rm(folder, { recursive: true, force: true });
  return {
    session,
    async placement() {
      session.endProfiling();
      const [file] = await readdir(folder);
      const profile = await readFile(join(folder, file as string), 'utf8');
      await removeProfile();
      return readPlacement(profile, options.provider ?? 'cpu');
    },
    async release() {
      await session.release();
      await removeProfile();
    },
  };
}
