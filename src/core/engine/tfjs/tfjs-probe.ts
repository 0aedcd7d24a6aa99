/**
 * Child process of `choose-tfjs-backend.ts`: runs a small network on the backend named on the
 * command line and in plain JavaScript.
 */
import { createNetwork, initialiseParameters } from '../../network/create-network.ts';
import type { TfjsBackend } from '../runtime.ts';
import { enlargeProgram } from '../served/programs.ts';
import { type LoadedBackend, loadTfjsBackend } from './tfjs-backend.ts';
import { createTfjsEngine } from './tfjs-engine.ts';

export type TfjsProbeReport = LoadedBackend;

const SIDE = 8;
/** A GPU may compute with fewer digits than float32 has. */
const MAX_DIFFERENCE = 0.02;

async function enlarge(backend: TfjsBackend): Promise<Float32Array> {
  const network = createNetwork({ family: 'edge', scale: 2, featureCount: 8, innerWidths: [8] });
  let seed = 0;
  const parameters = initialiseParameters(network, () => (Math.sin(++seed * 12.9898) + 1) / 2);
  const executable = await (await createTfjsEngine({ backend })).compile(enlargeProgram(network, parameters));
  const data = Float32Array.from({ length: SIDE * SIDE * 3 }, (_, i) => ((i * 37) % 256) / 255);
  const { enlarged } = await executable.run({ image: { dtype: 'float32', shape: [1, SIDE, SIDE, 3], data } });
  return enlarged?.data as Float32Array;
}

async function probe(backend: TfjsBackend): Promise<TfjsProbeReport> {
  const loaded = await loadTfjsBackend(backend);
  if (!loaded.isLoaded) return loaded;
  try {
    const expected = await enlarge('cpu');
    const values = await enlarge(backend);
    // Written so that NaN and a missing value count as different.
    const isEqual = expected.every((value, i) => Math.abs(value - values[i]) <= MAX_DIFFERENCE);
    return isEqual ? loaded : { isLoaded: false, reason: 'its result differs from that of plain JavaScript' };
  } catch (error) {
    return { isLoaded: false, reason: `${loaded.from}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

process.send?.(await probe(process.argv[2] as TfjsBackend));
process.disconnect?.();
