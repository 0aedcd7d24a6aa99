/** Folders that jobs may read: below the roots an operator allows, and nowhere else. */
import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { DualscaleError } from '../../core/errors.ts';

/**
 * The absolute path of `<root name>/<path below it>`. Links are followed before the comparison, so none leads out.
 * @throws DS_BAD_DATA, which tells the client nothing of what lies outside.
 */
export async function resolveFolder(roots: Readonly<Record<string, string>>, reference: string): Promise<string> {
  const [name, ...below] = reference.split('/');
  const refuse = () => {
    const names = Object.keys(roots).join(', ') || 'none';
    const publicDetail = `There is no folder \`${reference}\`; allowed roots: ${names}.`;
    return new DualscaleError('DS_BAD_DATA', `there is no folder \`${reference}\``, { publicDetail });
  };
  const root = Object.hasOwn(roots, name) ? roots[name] : undefined;
  if (root === undefined) throw refuse();
  const [base, path] = await Promise.all([realpath(root), realpath(join(root, ...below))]).catch(() => {
    throw refuse();
  });
  const isBelow = path === base || path.startsWith(base.endsWith(sep) ? base : base + sep);
  if (!(isBelow && (await stat(path)).isDirectory())) throw refuse();
  return path;
}
