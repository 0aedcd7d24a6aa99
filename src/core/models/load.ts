/** Models from disk, checked: a model that loads is complete, unaltered, and fits its network. */
import { createHash } from 'node:crypto';
import { constants, open, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DualscaleError } from '../errors.ts';
import type { NetworkSpec } from '../network/spec.ts';
import { canonicalJson } from './digest.ts';
import { isModelId, type ModelManifest, parseManifest } from './manifest.ts';
import { BYTES_PER_VALUE, MAX_HEADER_BYTES, readSafetensors } from './safetensors.ts';
import { type StoredParameters, splitParameters, storedValueCount } from './stored-parameters.ts';

export const MANIFEST_FILE = 'manifest.json';
const MAX_MANIFEST_BYTES = 1 << 20;
/** A publication may come between reading the manifest and its weights; three in a row do not. */
const READ_ATTEMPTS = 3;

export interface StoredModel extends StoredParameters {
  readonly manifest: ModelManifest;
  /**
   * sha256 over spec and weights: models with equal digests give equal pixels, whatever else their
   * manifests say.
   */
  readonly digest: string;
}

export interface ModelList {
  /** By id. */
  readonly models: readonly ModelManifest[];
  /** Folders that hold no usable manifest, and why. */
  readonly broken: readonly { readonly directory: string; readonly error: DualscaleError }[];
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

function asModelError(where: string, cause: unknown): DualscaleError {
  const code = cause instanceof DualscaleError ? cause.code : 'DS_BAD_MODEL';
  return new DualscaleError(code, `${where}: ${(cause as Error).message}`, { cause });
}

/**
 * Reads a regular file of at most `maxBytes`; the size is checked on the open file before anything
 * is allocated. A symbolic link must stay in the folder: mounted configuration volumes have such
 * links, an unpacked archive could have others.
 */
async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const target = await realpath(path);
  if (!target.startsWith(join(await realpath(dirname(path)), '/'))) {
    throw new DualscaleError('DS_BAD_MODEL', `expected a file in the model's folder, got a link to ${target}`);
  }
  // A named pipe would be waited for without end.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new DualscaleError('DS_BAD_MODEL', 'expected a regular file');
    if (stats.size > maxBytes) {
      throw new DualscaleError('DS_BAD_MODEL', `expected a file of at most ${maxBytes} bytes, got ${stats.size}`);
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function parseManifestBytes(bytes: Buffer, expectedId: string): ModelManifest {
  const manifest = parseManifest(JSON.parse(bytes.toString('utf8')));
  if (manifest.id !== expectedId) {
    throw new DualscaleError(
      'DS_BAD_MODEL',
      `expected \`id\` to be the folder's name, ${expectedId}, got ${manifest.id}`,
    );
  }
  return manifest;
}

/**
 * The manifest alone, without its weights.
 * @throws DS_MODEL_NOT_FOUND without such a folder, DS_BAD_MODEL when the manifest is not valid.
 */
export async function readManifest(directory: string): Promise<ModelManifest> {
  const path = join(directory, MANIFEST_FILE);
  try {
    return parseManifestBytes(await readBounded(path, MAX_MANIFEST_BYTES), basename(resolve(directory)));
  } catch (cause) {
    if (isMissing(cause)) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no ${path}`, { cause });
    throw asModelError(path, cause);
  }
}

/**
 * The manifest where there is a valid one; undefined where it is missing or not valid.
 * @throws DS_BAD_MODEL when it may be there and cannot be read (rights, too many open files).
 */
export async function readUsableManifest(directory: string): Promise<ModelManifest | undefined> {
  try {
    return await readManifest(directory);
  } catch (error) {
    const { code, cause } = error as DualscaleError;
    const isUnreadable = code !== 'DS_MODEL_NOT_FOUND' && cause instanceof Error && 'syscall' in cause;
    if (isUnreadable) throw error;
    return undefined;
  }
}

function modelDigest(spec: NetworkSpec, weights: Uint8Array): string {
  return createHash('sha256').update(canonicalJson(spec)).update('\n').update(weights).digest('hex');
}

async function readWeights(directory: string, manifest: ModelManifest): Promise<StoredModel> {
  const { spec, weights } = manifest;
  const path = join(directory, weights.file);
  try {
    const maxBytes = storedValueCount(spec) * BYTES_PER_VALUE[weights.dtype] + MAX_HEADER_BYTES + 8;
    const bytes = await readBounded(path, maxBytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== weights.sha256) {
      throw new DualscaleError('DS_BAD_MODEL', `expected sha256 ${weights.sha256}, got ${sha256}`);
    }
    return { manifest, ...splitParameters(spec, readSafetensors(bytes).tensors), digest: modelDigest(spec, bytes) };
  } catch (cause) {
    throw asModelError(path, cause);
  }
}

/**
 * @param directory `<root>/<model id>`.
 * @throws DS_MODEL_NOT_FOUND without such a folder; DS_BAD_MODEL when anything in it is not as the
 *   manifest says.
 */
export async function loadModel(directory: string): Promise<StoredModel> {
  for (let attempt = 1; ; attempt++) {
    const manifest = await readManifest(directory);
    try {
      return await readWeights(directory, manifest);
    } catch (error) {
      const isReplaced = canonicalJson(await readManifest(directory)) !== canonicalJson(manifest);
      if (!isReplaced || attempt === READ_ATTEMPTS) throw error;
    }
  }
}

/**
 * @param root folder of model folders. Names that begin with a dot (publications under way) and
 *   plain files are passed over.
 * @throws DS_MODEL_NOT_FOUND when `root` cannot be read; a broken model inside it is reported, not
 *   fatal.
 */
export async function listModels(root: string): Promise<ModelList> {
  const folders = await readdir(root, { withFileTypes: true }).catch((cause: Error) => {
    throw new DualscaleError('DS_MODEL_NOT_FOUND', `cannot read the models folder ${root}: ${cause.message}`, {
      cause,
    });
  });
  const models: ModelManifest[] = [];
  const broken: { directory: string; error: DualscaleError }[] = [];
  for (const folder of folders.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (folder.isFile() || folder.name.startsWith('.')) continue;
    const directory = join(root, folder.name);
    try {
      models.push(await readManifest(directory));
    } catch (error) {
      broken.push({ directory, error: error as DualscaleError });
    }
  }
  return { models, broken };
}

/**
 * The folder of a model that was asked for by name.
 * @throws DS_MODEL_NOT_FOUND for a name that is not a model id, so that it cannot lead out of
 *   `root`.
 */
export function modelDirectory(root: string, id: string): string {
  if (!isModelId(id)) throw new DualscaleError('DS_MODEL_NOT_FOUND', `\`${id}\` is not the name of a model`);
  return join(root, id);
}
