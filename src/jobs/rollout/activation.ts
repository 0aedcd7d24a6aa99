/** One entry of the history of what served a scale. */
export interface Activation {
  readonly time: string;
  readonly scale: number;
  readonly modelId: string;
  /** Null for the first entry of a scale. */
  readonly previousModelId: string | null;
  readonly reason: 'operator' | 'job' | 'rollback' | 'automatic-rollback';
  /** The job that asked for it. */
  readonly job: string | null;
  /** Why, in words; may be empty. */
  readonly detail: string;
}
