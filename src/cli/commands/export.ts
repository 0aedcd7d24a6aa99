/** `dualscale export`. */
import { writeFile } from 'node:fs/promises';
import { enlargeProgram } from '../../engine/served/served-model.ts';
import { compileProgram } from '../../graph/compile.ts';
import { serializeOnnx } from '../../graph/onnx-model.ts';
import { createNetwork } from '../../network/create-network.ts';
import { type ModelFlags, openModel } from '../open-models.ts';
import type { PixelSize } from '../option-values.ts';

export interface ExportFlags extends ModelFlags {
  readonly model: string;
  readonly out: string;
  readonly size?: PixelSize;
}

export async function runExport(flags: ExportFlags): Promise<void> {
  const { model: id, out, size } = flags;
  const { manifest, parameters } = await openModel(id, undefined, flags);
  const { scale, spec } = manifest;
  const onnx = serializeOnnx(compileProgram(enlargeProgram(createNetwork(spec), parameters, size)));
  await writeFile(out, onnx);
  const input = size ? `[1, ${size.height}, ${size.width}, 3]` : '[1, H, W, 3]';
  const output = size ? `[1, ${size.height * scale}, ${size.width * scale}, 3]` : `[1, ${scale}*H, ${scale}*W, 3]`;
  console.log(`${out}: image ${input} -> enlarged ${output}, float32 RGB in 0..1, ${onnx.length} bytes`);
}
