/** `npm run picture` draws docs/wings.svg from the import statements of src: the wings, and the folders of core. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';

import { pathToFileURL } from 'node:url';

type Arrows = ReadonlyMap<string, ReadonlySet<string>>;

const SOURCE = join(import.meta.dirname, '..', 'src');
const TARGET = join(import.meta.dirname, '..', 'docs', 'wings.svg');
const IMPORT = /\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g;
/** Second lines of the boxes. */
const TEXTS: Readonly<Record<string, string>> = {
  'index.ts': 'public surface',
  cli: 'command line',
  dashboard: 'page',
  jobs: 'queue, API, rollout',
  server: 'HTTP, cache, hosts',
  trainer: 'train, compress',
  codec: 'sharp, formats',
  degradation: 'blur, noise, JPEG',
  engine: 'sessions, workers',
  graph: 'TF.js to ONNX',
  measure: 'quality, latency',
  models: 'files of models',
  network: 'edge, DRN, dual',
  pixels: 'images, PSNR, SSIM',
  upscale: 'tiles, strips',
};
/** Size of a box, distance from one box to the next to the right and below, and the frame around all, in pixels. */
const WIDTH = 124;
const HEIGHT = 42;
const RIGHT = 128;
const DOWN = 50;
const FRAME = 24;

const sourceFiles = (): string[] =>
  readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts'))
    .sort();

/** Which box imports which; `boxOf` puts a file of src into a box, or nowhere. */
function arrowsBetween(files: readonly string[], boxOf: (file: string) => string | undefined): Arrows {
  const arrows = new Map<string, Set<string>>();
  for (const file of files) {
    const from = boxOf(file);
    if (from === undefined) continue;
    const targets = arrows.get(from) ?? new Set();
    arrows.set(from, targets);
    for (const [, path] of readFileSync(join(SOURCE, file), 'utf8').matchAll(IMPORT)) {
      const to = boxOf(posix.join(posix.dirname(file), path));
      if (to !== undefined && to !== from) targets.add(to);
    }
  }
  return arrows;
}

/** Importers first; of those that could come next, the first by name. Throws when imports run in a circle. */
function inOrder(arrows: Arrows): string[] {
  const rest = new Set([...arrows.keys()].sort());
  const order: string[] = [];
  while (rest.size > 0) {
    const next = [...rest].find((name) => [...rest].every((other) => !arrows.get(other)?.has(name)));
    if (next === undefined) throw new Error(`imports run in a circle between ${[...rest].join(', ')}`);
    order.push(next);
    rest.delete(next);
  }
  return order;
}

const drawBox = (name: string, x: number, y: number): string =>
  [
    `<rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text x="${x + 10}" y="${y + 18}" class="name">${name}</text>`,
    `<text x="${x + 10}" y="${y + 34}">${TEXTS[name] ?? ''}</text>`,
  ].join('\n');

/**
 * Boxes as stairs that go down to the right. An arrow leaves its box on the right and falls onto the box it points to, so that
 * no arrow crosses a box.
 */
function drawStairs(boxes: readonly string[], arrows: Arrows, left: number, top: number): string[] {
  const place = new Map(boxes.map((name, i) => [name, i]));
  const x = (i: number) => left + i * RIGHT;
  const y = (i: number) => top + i * DOWN;
  const parts = boxes.map((name, i) => drawBox(name, x(i), y(i)));
  boxes.forEach((name, i) => {
    const targets = [...(arrows.get(name) ?? [])].flatMap((to) => place.get(to) ?? []).sort((a, b) => a - b);
    targets.forEach((to, nth) => {
      const from = y(i) + 8 + nth * 6;
      // Each arrow that falls onto a box has a place of its own on its upper edge.
      const at = x(to) + WIDTH - 12 - (to - i) * 12;
      parts.push(`<path d="M${x(i) + WIDTH} ${from}H${at}V${y(to)}"/>`);
    });
  });
  return parts;
}

/** The picture, the same for the same imports. */
export function drawWings(): { svg: string; arrows: number } {
  const files = sourceFiles();
  const wings = arrowsBetween(files, (file) => (file.includes('/') ? file.split('/')[0] : 'index.ts'));
  const core = arrowsBetween(files, (file) => /^core\/(\w+)\//.exec(file)?.[1]);
  const upper = inOrder(wings).filter((wing) => wing !== 'core');
  const inner = inOrder(core);
  const others = upper.filter((name) => !wings.get(name)?.has('core'));
  const importers = others.length === 0 ? 'every wing above' : `all but ${others.join(', ')}`;

  const width = 2 * FRAME + Math.max(upper.length, inner.length) * RIGHT;
  const coreTop = FRAME + upper.length * DOWN + 4;
  const height = coreTop + 56 + inner.length * DOWN + FRAME;
  const parts = [
    ...drawStairs(upper, wings, FRAME, FRAME),
    `<rect x="8" y="${coreTop}" width="${width - 16}" height="${height - coreTop - 8}" rx="6" class="wing"/>`,
    `<text x="${FRAME}" y="${coreTop + 24}" class="name">core</text>`,
    `<text x="${FRAME + 44}" y="${coreTop + 24}">imported by ${importers}</text>`,
    ...drawStairs(inner, core, FRAME, coreTop + 44),
  ];
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    '<title>The wings of src, and which imports which</title>',
    '<style>rect{fill:#f4f6fa;stroke:#54617a}.wing{fill:none}path{fill:none;stroke:#54617a;marker-end:url(#tip)}',
    'text{fill:#333}.name{font-size:14px;font-weight:bold}</style>',
    '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
    '<path d="M0 0L8 4L0 8z" style="fill:#54617a;stroke:none;marker-end:none"/></marker>',
    `<rect width="${width}" height="${height}" style="fill:#fff;stroke:none"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
  return { svg, arrows: parts.filter((part) => part.startsWith('<path')).length };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(TARGET, drawWings().svg);
