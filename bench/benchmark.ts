/** What a benchmark takes and gives back. */

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
