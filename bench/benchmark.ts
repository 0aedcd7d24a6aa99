/** What a benchmark takes and gives back, and tables for a terminal. */

export interface BenchOptions {
  /** Folder of model folders. */
  readonly modelsDir: string;
  /** The x4 model under test. */
  readonly modelId: string;
  /** Folder with `test/Set5`; quality is skipped without it. */
  readonly dataDir: string;
  /** Interpreters to look for PyTorch in, in this order. */
  readonly pythons: readonly string[];
  /** Minutes of `overload`, each measured by itself. @default 1 */
  readonly overloadMinutes?: number;
  /** Seconds of such a minute: fewer to try it out. @default 60 */
  readonly overloadSeconds?: number;
  /** Told what is running, for a person who waits. */
  readonly log: (message: string) => void;
}

/** Column name (with its unit) -> value. Rows of one table may leave columns out. */
export type Row = Readonly<Record<string, string | number>>;

export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** A figure this project promises; `value` is absent where it could not be measured, and `reason` says why. */
export interface Goal {
  readonly name: string;
  readonly wanted: { readonly atLeast: number } | { readonly below: number };
  readonly value?: number;
  readonly reason?: string;
}

export interface BenchResult {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** How to read the tables, and what was left out. */
  readonly notes: readonly string[];
}

export interface Benchmark {
  readonly name: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

function format(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string' || Number.isInteger(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1000) return value.toFixed(0);
  return value.toFixed(magnitude >= 100 ? 1 : magnitude >= 1 ? 2 : 3);
}

function renderRows(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => format(row[column])))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  const isNumeric = columns.map((column) => rows.every((row) => typeof row[column] !== 'string'));
  return cells
    .map((line) =>
      line
        .map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const renderTable = ({ title, rows }: Table): string => `${title}\n${renderRows(rows)}\n`;

function verdict({ wanted, value, reason }: Goal): string {
  if (value === undefined) return `not measured: ${reason ?? 'no reason given'}`;
  const isMet = 'atLeast' in wanted ? value >= wanted.atLeast : value < wanted.below;
  return isMet ? 'met' : 'MISSED';
}

export function renderGoals(goals: readonly Goal[]): string {
  const rows = goals.map((goal) => ({
    goal: goal.name,
    wanted: 'atLeast' in goal.wanted ? `>= ${goal.wanted.atLeast}` : `< ${goal.wanted.below}`,
    measured: goal.value === undefined ? '-' : format(goal.value),
    verdict: verdict(goal),
  }));
  return renderTable({ title: 'Goals', rows });
}
