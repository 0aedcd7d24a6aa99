import type { TrainRecipe } from '../train/train-model.ts';

/** A training run as data: `dualscale train --preset <id>` needs nothing else but photographs. */
export interface TrainPreset {
  /** Also the id of the model that comes out: lower-case words joined by `-`. */
  readonly id: string;
  /** One line for lists and help. */
  readonly description: string;
  readonly recipe: TrainRecipe;
}
