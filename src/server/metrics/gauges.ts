/** Gauges that several plugins of one registry share. */
import type { Gauge } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

interface Amount {
  readonly gauge: Gauge;
  readonly labels: Labels;
  value: number;
}

/** What waits, runs, is held. Plugins that share a registry add up: each moves the gauge by what its own value changed. */
export class SharedGauges {
  readonly #amounts = new Map<Gauge, Map<string, Amount>>();

  /** Says what this plugin's amount is now. */
  set(gauge: Gauge, value: number, labels: Labels = {}): void {
    const own = this.#amounts.get(gauge) ?? new Map<string, Amount>();
    this.#amounts.set(gauge, own);
    const key = JSON.stringify(labels);
    const amount = own.get(key) ?? { gauge, labels, value: 0 };
    own.set(key, amount);
    move(amount, value);
  }

  /** Takes away what this plugin has added. */
  withdraw(): void {
    for (const own of this.#amounts.values()) for (const amount of own.values()) move(amount, 0);
  }
}

function move(amount: Amount, value: number): void {
  amount.gauge.inc(amount.labels, value - amount.value);
  amount.value = value;
}

/** How many plugins serve a scale by a model, for each registry's gauge. */
const SERVING = new WeakMap<Gauge, Map<string, number>>();

/** The gauge of the models in service: 1 as long as any plugin of a registry serves by a model, then no sample. */
export class ServedModelGauge {
  readonly #gauge: Gauge;
  readonly #plugins: Map<string, number>;
  readonly #own = new Map<string, string>();

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
    this.#plugins = SERVING.get(gauge) ?? new Map();
    SERVING.set(gauge, this.#plugins);
  }

  /** A model begins to serve a scale, in the place of this plugin's model before. */
  serves(model: string, scale: string): void {
    const before = this.#own.get(scale);
    if (before === model) return;
    if (before !== undefined) this.#count(before, scale, -1);
    this.#own.set(scale, model);
    this.#count(model, scale, 1);
  }

  /** This plugin serves nothing any more. */
  withdraw(): void {
    for (const [scale, model] of this.#own) this.#count(model, scale, -1);
    this.#own.clear();
  }

  #count(model: string, scale: string, change: 1 | -1): void {
    const key = JSON.stringify([model, scale]);
    const left = (this.#plugins.get(key) ?? 0) + change;
    this.#plugins.set(key, left);
    if (left > 0) this.#gauge.set({ model, scale }, 1);
    else this.#gauge.remove({ model, scale });
  }
}
