/** Gauges of amounts: what waits, runs, is held. */
import type { Gauge } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

export interface Levels {
  /** Says what this plugin's amount is now. */
  set(gauge: Gauge, value: number, labels?: Labels): void;
  /** Takes away what this plugin has added. */
  withdraw(): void;
}

interface Level {
  readonly gauge: Gauge;
  readonly labels: Labels;
  value: number;
}

/** Plugins that share a registry add up: each moves the gauge by what its own value changed. */
export function createLevels(): Levels {
  const levels = new Map<Gauge, Map<string, Level>>();
  const move = (level: Level, value: number): void => {
    level.gauge.inc(level.labels, value - level.value);
    level.value = value;
  };
  return {
    set(gauge, value, labels = {}) {
      const own = levels.get(gauge) ?? new Map<string, Level>();
      levels.set(gauge, own);
      const key = JSON.stringify(labels);
      const level = own.get(key) ?? { gauge, labels, value: 0 };
      own.set(key, level);
      move(level, value);
    },
    withdraw() {
      for (const own of levels.values()) for (const level of own.values()) move(level, 0);
    },
  };
}
