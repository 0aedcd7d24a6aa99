import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../src/core/version.ts';

const FOLDERS = ['.', '.github', 'dev', 'docs', 'docs/decisions', 'examples/photos', 'models'];
const pages = FOLDERS.flatMap((folder) =>
  readdirSync(join(PACKAGE_ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

/** Ids of headings as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const ids = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => {
    const id = title
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
    const count = seen.get(id) ?? 0;
    seen.set(id, count + 1);
    return count === 0 ? id : `${id}-${count}`;
  });
  return new Set(ids);
}

describe('links between documents', () => {
  test.each(pages)('%s points to files and headings that exist', (page) => {
    const text = readFileSync(join(PACKAGE_ROOT, page), 'utf8').replace(/```[\s\S]*?```/g, '');
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split('#');
        const file = path === '' ? join(PACKAGE_ROOT, page) : join(PACKAGE_ROOT, dirname(page), path);
        return !existsSync(file) || (anchor && !anchorsOf(readFileSync(file, 'utf8')).has(anchor));
      });
    expect(broken).toEqual([]);
  });
});

test('README.md has at most 120 lines', () => {
  expect(readFileSync(join(PACKAGE_ROOT, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(121);
});
