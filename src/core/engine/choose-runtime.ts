/** Which engine runs the networks of a pool, and where. */
import { badOption } from '../errors.ts';
import { chooseProvider, type ProviderLogger } from './provider.ts';
import { ENGINE_NAMES, type EngineName, type Provider, type Runtime, type TfjsBackend } from './runtime.ts';
import { chooseTfjsBackend, releaseTensorflow } from './tfjs/choose-tfjs-backend.ts';

export interface RuntimeOptions {
  readonly engine?: EngineName;
  readonly provider?: 'auto' | Provider | TfjsBackend;
  readonly logger?: ProviderLogger;
}

export interface ClaimedRuntime {
  readonly runtime: Runtime;
  /** Call it when nothing runs there any more. */
  release(): void;
}

/** Throws DS_BAD_OPTION. */
export function checkEngineName(option: string, name: string): asserts name is EngineName {
  if (!(ENGINE_NAMES as readonly string[]).includes(name)) {
    throw badOption(option, `one of ${ENGINE_NAMES.join(', ')}`, name);
  }
}

/** Throws DS_BAD_OPTION with the reason when what was asked for does not work here. */
export async function chooseRuntime(options: RuntimeOptions): Promise<ClaimedRuntime> {
  const { engine = 'onnx', provider: wanted = 'auto', logger } = options;
  checkEngineName('engine', engine);
  const logged = logger ? { logger } : {};
  if (engine === 'onnx') {
    // Names of the other engine are refused there, with those that this machine has.
    const provider = await chooseProvider(wanted as 'auto' | Provider, logged);
    return { runtime: { engine, provider }, release: () => {} };
  }
  const provider = await chooseTfjsBackend(wanted, logged);
  return { runtime: { engine, provider }, release: provider === 'tensorflow' ? releaseTensorflow : () => {} };
}
