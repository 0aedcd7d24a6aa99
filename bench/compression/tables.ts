/** The outcomes of experiments as Markdown. */
import { drawTradeOff, type TradeOff } from '../../src/trainer/compress/result/report-plots.ts';
import type { Outcome } from './experiment.ts';

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

type Quality = Readonly<Record<string, number>>;

export interface RatioOutcome extends Outcome {
  readonly ratio: number;
  readonly method: string;
  readonly seed: number;
}

/** Per ratio and method the means over the seeds; losses against the uncompressed model. */
export function formatRatios(outcomes: readonly RatioOutcome[], base: Quality): string {
  const keyOf = ({ ratio, method }: RatioOutcome) => `${ratio} ${method}`;
  const groups = [...new Set(outcomes.map(keyOf))].map((key) => outcomes.filter((outcome) => keyOf(outcome) === key));
  const sets = Object.keys(base);
  const rows = groups.map((group) => {
    const { ratio, method, report } = group[0];
    const loss = (set: string, of: readonly RatioOutcome[]) => mean(of.map(({ psnrDb }) => base[set] - psnrDb[set]));
    const parameters = mean(group.map((outcome) => outcome.report.result.parameters));
    return [
      `${Math.round(100 * ratio)} %`,
      method,
      group.map(({ seed }) => seed).join(', '),
      `${Math.round(parameters)} (${((100 * parameters) / report.base.parameters).toFixed(1)} %)`,
      mean(group.map((outcome) => outcome.report.result.ms / outcome.report.base.ms)).toFixed(3),
      mean(group.map((outcome) => outcome.report.result.prunedPsnrDb)).toFixed(3),
      ...sets.map(
        (set) => `${loss(set, group).toFixed(3)} (${group.map((one) => loss(set, [one]).toFixed(3)).join(', ')})`,
      ),
    ];
  });
  const losses = sets.map((set) => `loss on ${set}, dB (seeds)`);
  const head = ['removed', 'method', 'seeds', 'parameters', 'latency, relative', 'held-out PSNR before fine-tuning'];
  const whole = sets.map((set) => `${set} ${base[set].toFixed(3)} dB`).join(', ');
  return `Uncompressed: ${whole}.\n\n${table([...head, ...losses], rows)}\n`;
}

export interface LatencyOutcome extends Outcome {
  readonly targetMs: number;
}

/** From the loosest target to the tightest. */
export function formatLatencies(outcomes: readonly LatencyOutcome[]): string {
  const rows = outcomes
    .toSorted((a, b) => b.targetMs - a.targetMs)
    .map(({ targetMs, report, latencies: { ms, baseMs, wallMs }, psnrDb }) => {
      const planned = report.base.ms;
      // A processor that is slower now than when it was planned is so for both.
      const corrected = (ms / baseMs) * planned;
      return [
        targetMs.toFixed(2),
        (targetMs / planned).toFixed(2),
        (report.predicted ?? Number.NaN).toFixed(2),
        report.result.ms.toFixed(2),
        ms.toFixed(2),
        wallMs.toFixed(2),
        (ms / targetMs).toFixed(3),
        (corrected / targetMs).toFixed(3),
        String(report.result.parameters),
        report.result.psnrDb.toFixed(3),
        ...Object.values(psnrDb).map((value) => value.toFixed(3)),
      ];
    });
  const sets = Object.keys(outcomes[0]?.psnrDb ?? {}).map((set) => `${set}, dB`);
  const fresh = ['new process', 'on the wall', 'of the target', 'of the target, by the ratio to the uncompressed one'];
  const head = [
    'target ms',
    'of the whole',
    'predicted ms',
    'measured ms',
    ...fresh,
    'parameters',
    'held-out PSNR, dB',
  ];
  return `${table([...head, ...sets], rows)}\n`;
}

export function drawLatencies(outcomes: readonly LatencyOutcome[]): string {
  const [first] = outcomes;
  const base: TradeOff[] = first ? [{ ...first.report.base, name: first.report.base.id }] : [];
  const points = outcomes.map(({ report: { result } }) => ({ name: result.id, ms: result.ms, psnrDb: result.psnrDb }));
  return drawTradeOff('Compressed to latencies', [...base, ...points]);
}
