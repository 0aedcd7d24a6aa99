/** `dualscale export`. */
import { writeFile } from 'node:fs/promises';
import { conditionedProgram, enlargeProgram, vectorWidth } from '../../core/engine/served/programs.ts';
import { badOption } from '../../core/errors.ts';
import { compileProgram } from '../../core/graph/compile.ts';
import { serializeOnnx } from '../../core/graph/onnx-model.ts';
import type { Program } from '../../core/graph/program.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import { openModel } from '../open-models.ts';
import type { ModelFlags, PixelSize } from '../options.ts';

interface ExportFlags extends ModelFlags {
  readonly model: string;
  readonly out: string;
  readonly size?: PixelSize;
  readonly givenDegradation?: boolean;
}

export async function runExport(flags: ExportFlags): Promise<void> {
  const { model: id, out, size, givenDegradation: isGiven } = flags;
  const model = await openModel(id, undefined, flags);
  const { scale, spec } = model.manifest;
  const onnx = serializeOnnx(compileProgram(toProgram(model, flags)));
  await writeFile(out, onnx);
  const input = size ? `[1, ${size.height}, ${size.width}, 3]` : '[1, H, W, 3]';
  const output = size ? `[1, ${size.height * scale}, ${size.width * scale}, 3]` : `[1, ${scale}*H, ${scale}*W, 3]`;
  const code = isGiven ? `, code [1, 1, 1, ${vectorWidth(spec)}]` : '';
  console.log(`${out}: image ${input}${code} -> enlarged ${output}, float32 RGB in 0..1, ${onnx.length} bytes`);
}

function toProgram({ manifest: { id, spec }, parameters }: StoredModel, flags: ExportFlags): Program {
  if (!flags.givenDegradation) return enlargeProgram(createNetwork(spec), parameters, flags.size);
  if (spec.family !== 'edge' || !spec.code) throw badOption('--given-degradation', 'used with a blind model', id);
  return conditionedProgram(createNetwork(spec), parameters, flags.size);
}
