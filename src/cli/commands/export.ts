/** `dualscale export`. */
import { writeFile } from 'node:fs/promises';
import { conditionedProgram, enlargeProgram, vectorWidth } from '../../core/engine/served/programs.ts';
import { badOption } from '../../core/errors.ts';
import { compileProgram } from '../../core/graph/compile.ts';
import { serializeOnnx } from '../../core/graph/onnx-model.ts';
import type { Program } from '../../core/graph/program.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import { type ModelFlags, openModel } from '../open-models.ts';
import type { PixelSize } from '../option-values.ts';

export interface ExportFlags extends ModelFlags {
  readonly model: string;
  readonly out: string;
  readonly size?: PixelSize;
  readonly told?: boolean;
}

function programOf({ manifest: { id, spec }, parameters }: StoredModel, { size, told = false }: ExportFlags): Program {
  if (!told) return enlargeProgram(createNetwork(spec), parameters, size);
  if (spec.family !== 'edge' || !spec.code) throw badOption('--told', 'used with a blind model', id);
  return conditionedProgram(createNetwork(spec), parameters, size);
}

export async function runExport(flags: ExportFlags): Promise<void> {
  const { model: id, out, size, told } = flags;
  const model = await openModel(id, undefined, flags);
  const { scale, spec } = model.manifest;
  const onnx = serializeOnnx(compileProgram(programOf(model, flags)));
  await writeFile(out, onnx);
  const input = size ? `[1, ${size.height}, ${size.width}, 3]` : '[1, H, W, 3]';
  const output = size ? `[1, ${size.height * scale}, ${size.width * scale}, 3]` : `[1, ${scale}*H, ${scale}*W, 3]`;
  const code = told ? `, code [1, 1, 1, ${vectorWidth(spec)}]` : '';
  console.log(`${out}: image ${input}${code} -> enlarged ${output}, float32 RGB in 0..1, ${onnx.length} bytes`);
}
