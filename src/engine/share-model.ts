/** Models as workers get them: what is large lies in shared memory, copied once for a model object and freed with it. */
import type { OnnxServedModel, Runtime, ServedModel, TfjsServedModel } from './engine.ts';
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

/** Gives the same shared memory for the same bytes or parameters. */
export function createModelSharer({ provider }: Runtime): (model: ServedModel) => SharedModel {
  const bytes = new WeakMap<OnnxServedModel['onnx'], SharedOnnxModel['onnx']>();
  const parameters = new WeakMap<TfjsServedModel['parameters'], SharedTfjsModel['parameters']>();
  const shareFile = (file: Uint8Array): SharedArrayBuffer => {
    const shared = bytes.get(file) ?? shareBytes(file);
    bytes.set(file, shared);
    return shared;
  };
  return (model) => {
    const { digest, scale, codeWidth } = model;
    const facts = { digest, scale, ...(codeWidth === undefined ? {} : { codeWidth }) };
    if (model.engine === 'onnx') {
      const { dualOnnx, estimatorOnnx, blockedOnnx } = model;
      const own = provider === 'webgpu' ? (model.webgpuOnnx ?? model.onnx) : model.onnx;
      return {
        ...{ engine: 'onnx', ...facts, onnx: shareFile(own) },
        ...(dualOnnx ? { dualOnnx: shareFile(dualOnnx) } : {}),
        ...(estimatorOnnx ? { estimatorOnnx: shareFile(estimatorOnnx) } : {}),
        ...(blockedOnnx ? { blockedOnnx: { 8: shareFile(blockedOnnx[8]), 16: shareFile(blockedOnnx[16]) } } : {}),
      };
    }
    const shareOnce = (values: TfjsServedModel['parameters']) => {
      const shared = parameters.get(values) ?? shareParameters(values);
      parameters.set(values, shared);
      return shared;
    };
    return {
      ...{ engine: 'tfjs', ...facts, spec: model.spec, parameters: shareOnce(model.parameters) },
      ...(model.dualParameters ? { dualParameters: shareOnce(model.dualParameters) } : {}),
    };
  };
}
