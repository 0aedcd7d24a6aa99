/** Tables for a terminal. */
import type { Goal, Row, Table } from './benchmark.ts';

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
