/** The table of models as a page: `dualscale models --markdown > models/README.md`. */
import type { ModelManifest, QualityEntry } from '../core/models/manifest.ts';

const SETS = ['Set5', 'Set14'];

const HEAD = `# Models

Written by \`dualscale models --markdown\` from the manifests beside it; a test compares the two.

PSNR (dB) and SSIM as papers give them: Y channel, border = scale, mean over the images. MACs for an output of
1280 x 720. Latency: one picture, the network alone, median; each model's section says on what.
`;

const toCell = (text: string): string => text.replace(/\|/g, '\\|').replace(/\s+/g, ' ');

function table(titles: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(toCell).join(' | ')} |`;
  const rule = `|${titles.map((_, i) => (right.includes(i) ? ' ---: ' : ' --- ')).join('|')}|`;
  return [line(titles), rule, ...rows.map(line)].join('\n');
}

const quality = (entries: readonly QualityEntry[], set: string): string => {
  const entry = entries.find((candidate) => candidate.set === set);
  return entry ? `${entry.psnrDb.toFixed(2)} / ${entry.ssim.toFixed(4)}` : '-';
};

/** The first device that was measured: the table is for comparing models, not devices. */
function latency({ latency: [first] }: ModelManifest): string {
  return first ? `${first.medianMs.toFixed(1)} ms (${first.inputWidth}x${first.inputHeight})` : '-';
}

function trained({ provenance }: ModelManifest): string {
  const { steps, recipe } = provenance;
  const batch =
    recipe['batchSize'] && recipe['lrPatchSize'] ? `, ${recipe['batchSize']} x ${recipe['lrPatchSize']}²` : '';
  return `${steps.toLocaleString('en')} steps${batch}, dual weight ${recipe['dualWeight'] ?? '?'}`;
}

function toRow(manifest: ModelManifest): string[] {
  const { id, version, scale, parameters, macs, weights } = manifest;
  return [
    `[${id}](#${id})`,
    version,
    `x${scale}`,
    `${(parameters / 1000).toFixed(1)} k`,
    `${(macs.for1280x720 / 1e9).toFixed(1)} G`,
    ...SETS.map((set) => quality(manifest.quality, set)),
    latency(manifest),
    weights.dtype,
    trained(manifest),
  ];
}

function section({ id, license, spec, provenance, quality: entries, latency: latencies, weights }: ModelManifest) {
  const { trainer, data, seeds, recipe, date, machine } = provenance;
  const settings = Object.entries(recipe).map(([name, value]) => `${name} ${value}`);
  const facts = [
    `Network: \`${JSON.stringify(spec)}\``,
    `Trained by ${trainer} on ${date}, seeds ${seeds.join(', ') || 'none'}, on ${machine}`,
    `Data: ${data}`,
    `Recipe: ${settings.join(', ')}`,
    `License: ${license}; weights sha256 \`${weights.sha256}\``,
    ...entries.map(({ set, psnrDb, ssim, protocol, command, date: day }) => {
      return `${set}: ${psnrDb.toFixed(4)} dB, SSIM ${ssim.toFixed(5)} (${protocol}; ${day}; \`${command}\`)`;
    }),
    ...latencies.map(({ device, medianMs, runs, engine, provider, threads, inputWidth, inputHeight, date: day }) => {
      const how = `${engine}/${provider}, ${threads} threads, median of ${runs}, ${day}`;
      return `${medianMs} ms for ${inputWidth}x${inputHeight} on ${device} (${how})`;
    }),
  ];
  return [`## ${id}`, '', ...facts.map((fact) => `- ${fact}`)].join('\n');
}

/** Smallest scale first, and of a scale the network with fewer parameters first. */
export function modelsMarkdown(manifests: readonly ModelManifest[]): string {
  const sorted = manifests.toSorted(
    (a, b) => a.scale - b.scale || a.parameters - b.parameters || (a.id < b.id ? -1 : 1),
  );
  const titles = ['model', 'version', 'scale', 'parameters', 'MACs', ...SETS, 'latency', 'weights', 'trained'];
  const overview = table(titles, sorted.map(toRow), [3, 4, 5, 6, 7]);
  return `${[HEAD, `${overview}\n`, ...sorted.map((manifest) => `${section(manifest)}\n`)].join('\n')}`;
}
