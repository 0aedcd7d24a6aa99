/** What became of a compression, for people (Markdown, pictures) and programs (JSON). */
import { join } from 'node:path';
import { replaceFile } from '../../../core/atomic-file.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import type { Budget } from '../budget.ts';
import type { Method } from '../compress-settings.ts';
import type { FitAttempt } from '../latency/fit-latency.ts';
import type { LatencySetting } from '../latency/latency-table.ts';
import type { Stage } from '../progress.ts';
import type { TrainingBudget } from '../training-budget.ts';
import { drawTradeOff, drawWidths, type NamedWidth } from './report-plots.ts';

interface Candidate {
  readonly id: string;
  readonly spec: NetworkSpec;
  /** sha256 over spec and weights. */
  readonly digest: string;
  readonly parameters: number;
  readonly macsFor1280x720: number;
  /** On held-out photographs. */
  readonly psnrDb: number;
  readonly ms: number;
}

export interface CompressReport {
  readonly accepted: boolean;
  /** Why it was rejected. */
  readonly reasons: readonly string[];
  /** Folder of the model. */
  readonly directory: string;
  readonly base: Candidate;
  readonly result: Candidate & {
    /** Before fine-tuning. */
    readonly prunedPsnrDb: number;
  };
  readonly method: Method;
  readonly budget: Budget;
  /** The same in words. */
  readonly budgetText: string;
  /** Where the result falls short of what might be expected, and why that is no reason to reject it. */
  readonly notes: readonly string[];
  readonly maxPsnrDropDb: number;
  readonly seed: number;
  readonly effort: TrainingBudget;
  readonly widths: readonly NamedWidth[];
  /** In the budget's unit, by the sum over the widths. */
  readonly predicted?: number;
  /** Networks that were measured to meet the latency. */
  readonly attempts?: readonly FitAttempt[];
  readonly latency: LatencySetting;
  /** Seconds of each stage. */
  readonly seconds: Readonly<Partial<Record<Stage, number>>>;
  readonly machine: string;
  readonly date: string;
}

const FILES = { json: 'report.json', markdown: 'report.md', widths: 'widths.svg', tradeOff: 'psnr-latency.svg' };

const share = (value: number, of: number): string => `${(100 * (value / of)).toFixed(1)} %`;

function formatRows({ base, result }: CompressReport): string[] {
  const row = (name: string, before: string, after: string, relative: string) =>
    `| ${name} | ${before} | ${after} | ${relative} |`;
  const drop = result.psnrDb - base.psnrDb;
  const { parameters, macsFor1280x720: macs, ms } = result;
  return [
    row('parameters', `${base.parameters}`, `${parameters}`, share(parameters, base.parameters)),
    row('multiply-accumulates, 1280x720', `${base.macsFor1280x720}`, `${macs}`, share(macs, base.macsFor1280x720)),
    row('latency, ms', base.ms.toFixed(2), ms.toFixed(2), share(ms, base.ms)),
    row('PSNR, held-out photographs, dB', base.psnrDb.toFixed(3), result.psnrDb.toFixed(3), drop.toFixed(3)),
  ];
}

function formatAttempts({ attempts = [] }: CompressReport): string[] {
  if (attempts.length === 0) return [];
  const rows = attempts.map(
    ({ predictedMs, measuredMs }) => `| ${predictedMs.toFixed(2)} | ${measuredMs.toFixed(2)} |`,
  );
  return ['', '## Fitting the latency', '', '| predicted ms | measured ms |', '|---|---|', ...rows];
}

function formatReport(report: CompressReport): string {
  const { accepted, reasons, base, result, method, budgetText, notes, widths, latency, seconds } = report;
  const { engine, provider, threads, width, height, percentile } = latency;
  const verdict = accepted ? 'Published.' : 'Rejected, nothing was published:';
  const dropped = widths.filter(({ after }) => after === 0).map(({ name }) => name);
  return [
    ...[`# ${result.id}`, '', `${base.id}, compressed by \`${method}\`: ${budgetText}. ${verdict}`],
    ...(accepted ? [] : ['', ...reasons.map((reason) => `- ${reason}`)]),
    ...notes.map((note) => `\n${result.id} ${note}.`),
    ...['', '| | before | after | |', '|---|---|---|---|', ...formatRows(report)],
    '',
    `Latency: ${engine}/${provider}, threads ${threads}, ${width}x${height}, percentile ${percentile}, on ${report.machine}.`,
    `PSNR before fine-tuning: ${result.prunedPsnrDb.toFixed(3)} dB. Photographs held out by hash, no benchmark.`,
    ...['', `![PSNR against latency](${FILES.tradeOff})`],
    ...['', '## Widths', '', `![Channels per layer](${FILES.widths})`, ''],
    ...['| layer | before | after |', '|---|---|---|'],
    ...widths.map(({ name, before, after }) => `| ${name} | ${before} | ${after} |`),
    ...(dropped.length > 0 ? ['', `Blocks that were dropped: ${dropped.join(', ')}.`] : []),
    ...formatAttempts(report),
    ...['', '## Time', '', '| stage | seconds |', '|---|---|'],
    ...Object.entries(seconds).map(([stage, value]) => `| ${stage} | ${value.toFixed(1)} |`),
    '',
  ].join('\n');
}

/** Writes `report.json`, `report.md` and the pictures into the folder. */
export async function writeReport(folder: string, report: CompressReport): Promise<void> {
  const { base, result, widths } = report;
  const tradeOff = drawTradeOff(`${result.id}: PSNR against latency`, [
    { name: base.id, ms: base.ms, psnrDb: base.psnrDb },
    { name: 'before fine-tuning', ms: result.ms, psnrDb: result.prunedPsnrDb },
    { name: result.id, ms: result.ms, psnrDb: result.psnrDb },
  ]);
  await replaceFile(join(folder, FILES.widths), drawWidths(`${result.id}: channels per layer`, widths));
  await replaceFile(join(folder, FILES.tradeOff), tradeOff);
  await replaceFile(join(folder, FILES.markdown), formatReport(report));
  await replaceFile(join(folder, FILES.json), `${JSON.stringify(report, null, 2)}\n`);
}
