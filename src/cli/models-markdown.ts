/** The table of models as a page: `dualscale models --markdown > models/README.md`. */
import type { LatencyEntry, ModelManifest, QualityEntry } from '../core/models/manifest.ts';

const SETS = ['Set5', 'Set14'];

const HEAD = `# Models

\`dualscale models --markdown\` writes this page from the manifests next to it; a test compares the two.
\`<id>/manifest.json\` has the full recipe, the checksum and every measurement with its command, date and machine.

PSNR (dB) and SSIM as in papers: Y channel, border = scale, mean over the images. MACs are for a 1280x720 result.
Latency is the median of the network alone, on one thread, for the input size in brackets.
`;

/** Cards in the order of the page; a model belongs to the first that takes it. */
const FAMILIES = [
  {
    title: 'Compressed',
    text: 'Made by `dualscale compress`: the same network with fewer inner channels. The number is the share that was asked to go.',
    has: ({ provenance }: ModelManifest) => 'compressedFrom' in provenance.recipe,
  },
  {
    title: 'Blind',
    text:
      'Edge networks that are told how a picture was degraded, or estimate it: for blurred, noisy and compressed pictures. ' +
      'The quality below is with their own estimate.',
    has: ({ degradation }: ModelManifest) => degradation === 'blind',
  },
  {
    title: 'DRN',
    text:
      'The network of the dual regression paper. It works at the resolution of the result, so it is slower, ' +
      'and it cannot be cut into tiles: inputs are limited to 256x256.',
    has: ({ spec }: ModelManifest) => spec.family === 'drn',
  },
  {
    title: 'Edge',
    text:
      'Residual blocks at the resolution of the input, then one pixel shuffle. For clean (bicubic) reductions; ' +
      'noise and JPEG artefacts are enlarged too.',
    has: () => true,
  },
];

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

/** The latest measurement on one thread. */
const singleThread = ({ latency }: ModelManifest): LatencyEntry | undefined =>
  latency.findLast(({ threads }) => threads === 1);

function toRow(manifest: ModelManifest): string[] {
  const { id, version, scale, parameters, macs } = manifest;
  const timed = singleThread(manifest);
  return [
    `\`${id}\``,
    version,
    `x${scale}`,
    `${(parameters / 1000).toFixed(1)} k`,
    `${(macs.for1280x720 / 1e9).toFixed(1)} G`,
    ...SETS.map((set) => quality(manifest.quality, set)),
    timed ? `${timed.medianMs.toFixed(1)} ms (${timed.inputWidth}x${timed.inputHeight})` : '-',
  ];
}

/** Which models a fact is true of, for facts that several share: `a, b: text`. */
function shared(manifests: readonly ModelManifest[], fact: (manifest: ModelManifest) => string): string[] {
  const models = new Map<string, string[]>();
  for (const manifest of manifests) {
    const text = fact(manifest);
    models.set(text, [...(models.get(text) ?? []), `\`${manifest.id}\``]);
  }
  return [...models].map(([text, ids]) => `- ${ids.join(', ')}: ${text}`);
}

const TRAINING = ['model', 'steps', 'dual weight', 'started from', 'seeds', 'weights', 'license', 'trained by', 'on'];

function training({ id, license, provenance, weights }: ModelManifest): string[] {
  const { trainer, seeds, steps, recipe, date, machine } = provenance;
  const start = recipe['compressedFrom'] ?? recipe['startFrom'] ?? '-';
  const by = `${trainer}, ${date}`;
  const count = steps.toLocaleString('en');
  const dualWeight = recipe['dualWeight'] ?? '?';
  return [
    `\`${id}\``,
    count,
    `${dualWeight}`,
    `${start}`,
    seeds.join(', ') || '-',
    weights.dtype,
    license,
    by,
    machine,
  ];
}

/** Rows are models, columns the degradations they were measured with. */
function degradedQuality(manifests: readonly ModelManifest[], set: string): string[] {
  const kinds = [...new Set(manifests.flatMap((manifest) => manifest.quality.map((entry) => entry.set)))].filter(
    (name) => name.startsWith(`${set}, `),
  );
  if (kinds.length === 0) return [];
  const rows = manifests.map(({ id, quality: entries }) => [
    `\`${id}\``,
    ...kinds.map((kind) => entries.find((entry) => entry.set === kind)?.psnrDb.toFixed(2) ?? '-'),
  ]);
  const titles = [`PSNR, ${set}`, ...kinds.map((kind) => kind.slice(set.length + 2))];
  return ['', table(titles, rows, [])];
}

function card({ title, text }: { title: string; text: string }, manifests: readonly ModelManifest[]): string {
  const tables = SETS.flatMap((set) => degradedQuality(manifests, set));
  return [`## ${title}`, '', text, '', table(TRAINING, manifests.map(training), [1]), ...tables, ''].join('\n');
}

/** Smallest scale first, and of a scale the network with fewer parameters first. */
export function modelsMarkdown(manifests: readonly ModelManifest[]): string {
  const sorted = manifests.toSorted(
    (a, b) => a.scale - b.scale || a.parameters - b.parameters || (a.id < b.id ? -1 : 1),
  );
  const titles = ['model', 'version', 'scale', 'parameters', 'MACs', ...SETS, 'latency'];
  const cards = FAMILIES.toReversed().flatMap((family) => {
    const members = sorted.filter((manifest) => FAMILIES.find(({ has }) => has(manifest)) === family);
    return members.length === 0 ? [] : [card(family, members)];
  });
  const timed = sorted.filter((manifest) => singleThread(manifest) !== undefined);
  const devices = shared(timed, (manifest) => singleThread(manifest)?.device ?? '');
  const data = shared(sorted, ({ provenance }) => provenance.data);
  return [
    HEAD,
    `${table(titles, sorted.map(toRow), [3, 4, 5, 6, 7])}\n`,
    ...cards,
    ['## Timed on', '', ...devices, ''].join('\n'),
    ['## Trained on', '', ...data, ''].join('\n'),
  ].join('\n');
}
