/** How a model that has just begun to serve has done so far; `until` is an ISO date. */
export interface Watch {
  readonly scale: number;
  readonly modelId: string;
  readonly previousModelId: string;
  readonly requests: number;
  readonly errors: number;
  readonly until: string;
}
