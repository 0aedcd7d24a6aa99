/** `dualscale models`. */
import type { ModelManifest } from '../../core/models/manifest.ts';
import { modelsMarkdown } from '../models-markdown.ts';
import { type ModelFlags, openManifests } from '../open-models.ts';
import { formatTable } from '../table.ts';

/** Of clean reductions: what was measured under a degradation is in the manifest and on the page. */
function quality({ quality: all }: ModelManifest): string {
  const entries = all.filter(({ set }) => !set.includes(', '));
  return entries.map(({ set, psnrDb, ssim }) => `${set} ${psnrDb.toFixed(2)}/${ssim.toFixed(4)}`).join(', ') || '-';
}

function toRow(manifest: ModelManifest): string[] {
  const { id, version, scale, parameters, macs, weights } = manifest;
  const cost = `${(macs.for1280x720 / 1e9).toFixed(1)} G`;
  const size = `${(parameters / 1000).toFixed(0)} k`;
  return [id, version, `x${scale}`, size, cost, quality(manifest), weights.sha256.slice(0, 12)];
}

export async function runModels(
  flags: ModelFlags & { readonly json?: boolean; readonly markdown?: boolean },
): Promise<void> {
  const manifests = await openManifests(flags);
  if (flags.json) {
    console.log(JSON.stringify(manifests, null, 2));
    return;
  }
  if (flags.markdown) {
    process.stdout.write(modelsMarkdown(manifests));
    return;
  }
  const columns = [
    ...[{ title: 'id' }, { title: 'version' }, { title: 'scale' }],
    ...[
      { title: 'parameters', align: 'right' as const },
      { title: 'MACs to 1280x720', align: 'right' as const },
    ],
    ...[{ title: 'PSNR dB / SSIM' }, { title: 'sha256' }],
  ];
  console.log(formatTable(columns, manifests.map(toRow)));
}
