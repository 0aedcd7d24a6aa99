/** The gauge of the models in service: 1 as long as any plugin of a registry serves by a model, then no sample. */
import type { Gauge } from 'prom-client';

/** How many plugins serve a scale by a model, for each registry's gauge. */
const SERVING = new WeakMap<Gauge, Map<string, number>>();

export interface ServedModels {
  /** A model begins to serve a scale, in the place of this plugin's model before. */
  serves(model: string, scale: string): void;
  /** This plugin serves nothing any more. */
  withdraw(): void;
}

export function createServedModels(gauge: Gauge): ServedModels {
  const plugins = SERVING.get(gauge) ?? new Map<string, number>();
  SERVING.set(gauge, plugins);
  const own = new Map<string, string>();

  const count = (model: string, scale: string, change: 1 | -1): void => {
    const key = JSON.stringify([model, scale]);
    const left = (plugins.get(key) ?? 0) + change;
    plugins.set(key, left);
    if (left > 0) gauge.set({ model, scale }, 1);
    else gauge.remove({ model, scale });
  };

  return {
    serves(model, scale) {
      const before = own.get(scale);
      if (before === model) return;
      if (before !== undefined) count(before, scale, -1);
      own.set(scale, model);
      count(model, scale, 1);
    },
    withdraw() {
      for (const [scale, model] of own) count(model, scale, -1);
      own.clear();
    },
  };
}
