/**
 * tfjs-node cannot be installed everywhere, so this writes a package with its name that does what it does to a process: registers a backend
 * `tensorflow` in TF.js when it is loaded, calls functions that Node 23 removed, and computes (in plain JavaScript).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const tfjs = createRequire(import.meta.url).resolve('@tensorflow/tfjs');

const SOURCE = `
const tf = require(${JSON.stringify(tfjs)});
const util = require('node:util');
for (const kernel of tf.getKernelsForBackend('cpu')) {
  tf.registerKernel({
    ...kernel,
    backendName: 'tensorflow',
    kernelFunc: (args) => {
      if (util.isNullOrUndefined(args) || util.isArray(args)) throw new Error('no arguments');
      return kernel.kernelFunc(args);
    },
  });
}
tf.registerBackend('tensorflow', tf.findBackendFactory('cpu'), 3);
tf.setBackend('tensorflow');
`;

/** Node before 23 still has what tfjs-node needs: a module to preload that makes it as later ones are. */
export async function writeNode23Preload(folder: string): Promise<string> {
  const file = join(folder, 'as-node-23.cjs');
  await writeFile(file, "const util = require('node:util'); delete util.isNullOrUndefined; delete util.isArray;");
  return file;
}

/** @param source of the package @returns the folder for NODE_PATH */
export async function writeTensorflowStandIn(root: string, source = SOURCE): Promise<string> {
  const folder = join(root, '@tensorflow', 'tfjs-node');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "name": "@tensorflow/tfjs-node", "main": "index.js" }');
  await writeFile(join(folder, 'index.js'), source);
  return root;
}
