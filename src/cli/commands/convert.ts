/** `dualscale convert`. */
import { convertWeights } from '../../core/models/convert.ts';
import type { StoredDtype } from '../../core/models/safetensors.ts';
import { modelsRoot, openModel } from '../open-models.ts';
import type { ModelFlags } from '../options.ts';

interface ConvertFlags extends ModelFlags {
  readonly model: string;
  readonly weights: StoredDtype;
}

export async function runConvert(flags: ConvertFlags): Promise<void> {
  const { model: id, weights } = flags;
  await openModel(id, undefined, flags);
  const converted = await convertWeights(modelsRoot(flags), id, weights);
  if (!converted) {
    console.log(`${id}: the weights are ${weights} already`);
    return;
  }
  const { version, quality } = converted.manifest;
  const unmeasured = quality.length === 0 ? '; measure it with dualscale eval --record' : '';
  console.log(`${id} ${version}: the weights are ${weights} now${unmeasured}`);
}
