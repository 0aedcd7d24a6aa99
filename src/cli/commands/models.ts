/** `dualscale models`: the models of a folder, and with `list`, `activate` and `rollback` those of a running server. */
import type { ModelManifest } from '../../core/models/manifest.ts';
import { JobsClient, type ServerFlags } from '../jobs-client.ts';
import { modelsMarkdown } from '../models-markdown.ts';
import { openManifests } from '../open-models.ts';
import type { ModelFlags } from '../options.ts';
import { printJson, printTable } from '../terminal.ts';

interface ModelsFlags extends ModelFlags {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

export async function runModels(flags: ModelsFlags): Promise<void> {
  const manifests = await openManifests(flags);
  if (flags.json) return printJson(manifests);
  if (flags.markdown) {
    process.stdout.write(modelsMarkdown(manifests));
    return;
  }
  const titles = ['id', 'version', 'scale', 'parameters', 'MACs to 1280x720', 'PSNR dB / SSIM', 'sha256'];
  printTable(titles, manifests.map(toRow));
}

function toRow(manifest: ModelManifest): string[] {
  const { id, version, scale, parameters, macs, weights } = manifest;
  const cost = `${(macs.for1280x720 / 1e9).toFixed(1)} G`;
  const size = `${(parameters / 1000).toFixed(0)} k`;
  return [id, version, `x${scale}`, size, cost, describeQuality(manifest), weights.sha256.slice(0, 12)];
}

/** Of clean reductions; the manifest and the page have the degraded ones too. */
function describeQuality({ quality }: ModelManifest): string {
  const entries = quality.filter(({ set }) => !set.includes(', '));
  return entries.map(({ set, psnrDb, ssim }) => `${set} ${psnrDb.toFixed(2)}/${ssim.toFixed(4)}`).join(', ') || '-';
}

/** What the server's API answers. */
interface ModelList {
  readonly models: readonly {
    readonly id: string;
    readonly version: string;
    readonly scale: number;
    readonly active: boolean;
    readonly parameters: number;
    readonly measured: { readonly psnrDb: number | null; readonly latency: { readonly medianMs: number } } | null;
    readonly job: string | null;
  }[];
}

export async function runModelsList(flags: ServerFlags & { readonly json?: boolean }): Promise<void> {
  const list = await new JobsClient(flags).get<ModelList>('/models');
  if (flags.json) printJson(list);
  else printModels(list);
}

export async function runModelsActivate(id: string, flags: ServerFlags): Promise<void> {
  printModels(await new JobsClient(flags).post<ModelList>(`/models/${encodeURIComponent(id)}/activate`));
}

export async function runModelsRollback(scale: number, flags: ServerFlags): Promise<void> {
  printModels(await new JobsClient(flags).post<ModelList>(`/scales/${scale}/rollback`));
}

function printModels({ models }: ModelList): void {
  const rows = models.map(({ id, version, scale, active, parameters, measured, job }) => {
    const psnr = measured?.psnrDb?.toFixed(2) ?? '-';
    const latency = measured?.latency.medianMs.toFixed(2) ?? '-';
    return [id, version, `x${scale}`, active ? 'yes' : '-', parameters, psnr, latency, job ?? '-'];
  });
  printTable(['id', 'version', 'scale', 'active', 'parameters', 'PSNR dB', 'median ms', 'job'], rows);
}
