/** What `plugin.json` says about the models in the package. */
import { createRequire } from 'node:module';

interface ListedModel {
  readonly id: string;
  readonly default?: boolean;
}

const plugin = createRequire(import.meta.url)('../../../plugin.json') as { readonly models: readonly ListedModel[] };

/** Ids of the models that serve their scale when nobody says otherwise. */
export const DEFAULT_MODELS: readonly string[] = plugin.models.filter((model) => model.default).map(({ id }) => id);
