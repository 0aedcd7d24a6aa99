/** What a TypeScript program that imports the package has to read. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../..', import.meta.url));
/** With the declarations as the build writes them. */
const folder = mkdtempSync(join(tmpdir(), 'dualscale-types-'));

beforeAll(() => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const options = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', folder];
  execFileSync(process.execPath, [tsc, ...options], { cwd: root, stdio: 'pipe' });
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true }));

const IMPORT = /(?:\bfrom|\bimport\(?) ?['"]([^'"]+)['"]/g;

/** Everything that is read for one entry, with the packages that are named there. */
function readFrom(entry: string): { files: Set<string>; packages: Set<string> } {
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const [, name = ''] of readFileSync(join(folder, file), 'utf8').matchAll(IMPORT)) {
      if (name.startsWith('.')) waiting.push(join(dirname(file), name.replace(/\.(?:ts|js)$/, '.d.ts')));
      else packages.add(name);
    }
  }
  return { files, packages };
}

const entries = Object.values(packageJson.exports).filter((target) => typeof target === 'object');

test.each(entries.map(({ types }) => types.replace('./dist/', '')))('%s does not lead to TensorFlow.js', (entry) => {
  const { files, packages } = readFrom(entry);
  // A wrong walk would find nothing.
  expect(files.size).toBeGreaterThan(10);
  // Its own declarations fail under `skipLibCheck: false`, and take seconds to read.
  expect([...packages].filter((name) => name.startsWith('@tensorflow/'))).toEqual([]);
});

test('the walk finds what it looks for', () => {
  expect(readFrom('core/network/network.d.ts').packages).toContain('@tensorflow/tfjs');
});
