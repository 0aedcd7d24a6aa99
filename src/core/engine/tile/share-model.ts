/**
 * Models as workers get them: what is large lies in shared memory, copied once for a model object
 * and freed with it.
 */

import type { Runtime } from '../runtime.ts';
import type { OnnxServedModel, ServedModel, TfjsServedModel } from '../served/served-types.ts';
import type { SharedModel, SharedOnnxModel, SharedTfjsModel } from './tile-task.ts';

function shareBytes(bytes: Uint8Array): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(bytes.byteLength);
  new Uint8Array(shared).set(bytes);
  return shared;
}

function shareParameters(parameters: TfjsServedModel['parameters']): SharedTfjsModel['parameters'] {
  const entries = Object.entries(parameters);
  const length = entries.reduce((sum, [, { data }]) => sum + data.length, 0);
  const block = new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT);
  let offset = 0;
  const views = entries.map(([name, { shape, data }]) => {
    const view = new Float32Array(block, offset, data.length);
    view.set(data);
    offset += data.byteLength;
    return [name, { shape, data: view }] as const;
  });
  return Object.fromEntries(views);
}

/** Makes a shared copy once for each original. */
function shareOnce<From extends object, To>(share: (from: From) => To): (from: From) => To {
  const known = new WeakMap<From, To>();
  return (from) => {
    const shared = known.get(from) ?? share(from);
    known.set(from, shared);
    return shared;
  };
}

type ShareFile = (file: Uint8Array) => SharedArrayBuffer;

function shareOnnx(
  model: OnnxServedModel,
  provider: Runtime['provider'],
  share: ShareFile,
): Omit<SharedOnnxModel, 'digest' | 'scale'> {
  const { blockedOnnx, cpuOnnx } = model;
  const own = provider === 'cpu' && cpuOnnx ? { onnx: cpuOnnx } : provider === 'webgpu' ? model.webgpu : {};
  const { onnx, dualOnnx, estimatorOnnx } = { ...model, ...own };
  return {
    engine: 'onnx',
    onnx: share(onnx),
    dualOnnx: dualOnnx ? share(dualOnnx) : undefined,
    estimatorOnnx: estimatorOnnx ? share(estimatorOnnx) : undefined,
    blockedOnnx:
      blockedOnnx && provider === 'cpu' ? { 8: share(blockedOnnx[8]), 16: share(blockedOnnx[16]) } : undefined,
  };
}

/** Gives the same shared memory for the same bytes or parameters. */
export function createModelSharer({ provider }: Runtime): (model: ServedModel) => SharedModel {
  const shareFile = shareOnce(shareBytes);
  const shareValues = shareOnce(shareParameters);
  return (model) => {
    const { digest, scale, vectorWidth } = model;
    const facts = { digest, scale, vectorWidth };
    if (model.engine === 'onnx') return { ...facts, ...shareOnnx(model, provider, shareFile) };
    return {
      engine: 'tfjs',
      ...facts,
      spec: model.spec,
      parameters: shareValues(model.parameters),
      dualParameters: model.dualParameters ? shareValues(model.dualParameters) : undefined,
    };
  };
}
