export interface Column {
  readonly title: string;
  /** @default 'left' */
  readonly align?: 'left' | 'right';
}

/** Plain text, columns two spaces apart. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const format = (line: readonly string[]) =>
    columns
      .map(({ align }, i) => (align === 'right' ? line[i].padStart(widths[i]) : line[i].padEnd(widths[i])))
      .join('  ')
      .trimEnd();
  return lines.map(format).join('\n');
}
