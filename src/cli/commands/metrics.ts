/** `dualscale metrics`. */
import { METRICS } from '../../server/metrics/definitions.ts';
import { metricsMarkdown } from '../../server/metrics/metrics-markdown.ts';

export function runMetrics(flags: { readonly json?: boolean }): void {
  if (!flags.json) {
    process.stdout.write(metricsMarkdown());
    return;
  }
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => ({ name, type, labels, help }));
  process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
}
