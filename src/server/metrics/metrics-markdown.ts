/** The page docs/metrics.md, from the table of metrics. */
import { METRICS, METRICS_PREFIX } from './definitions.ts';

const INTRODUCTION = `# Metrics

\`dualscale.registry\` is a prom-client registry; \`dualscale serve\` answers \`GET /metrics\` with it. The option \`registry\` takes the
host's in its place, \`metricsPrefix\` another beginning than \`${METRICS_PREFIX}\`. No label holds anything a request says.
[grafana/dashboard.json](../grafana/dashboard.json) and [grafana/alerts.yml](../grafana/alerts.yml) are made of these;
[operations.md](operations.md) says what to watch.

Plugins that share a registry add up; one that is closed takes its amounts out again, not what it has counted. Two kinds of gauges are no
amounts: \`${METRICS_PREFIX}model_info\` is there as long as any of the plugins serves by that model, and the latest job is the one that began
last in any of them. What the latest job has not told yet has no sample, and before the first job there is none.

This page is printed by \`dualscale metrics\`; a test compares it with the code.
`;

function describeBuckets(buckets: readonly number[] | undefined): string {
  return buckets ? `; buckets up to ${buckets.at(-1)}` : '';
}

/** The table `METRICS`, as Markdown. */
export function metricsMarkdown(): string {
  const rows = Object.entries(METRICS).map(([name, metric]) => {
    const labels = metric.labels.map((label) => `\`${label}\``).join(', ') || '-';
    const buckets = 'buckets' in metric ? metric.buckets : undefined;
    return `| \`${name}\` | ${metric.type} | ${labels} | ${metric.help}${describeBuckets(buckets)} |`;
  });
  return `${INTRODUCTION}\n| name | type | labels | |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}
