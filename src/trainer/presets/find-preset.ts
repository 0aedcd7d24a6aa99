import { badOption } from '../../core/errors.ts';
import { DRN_L_X4 } from './drn-l-x4.ts';
import { DRN_L_X8 } from './drn-l-x8.ts';
import { DRN_S_X2 } from './drn-s-x2.ts';
import { DRN_S_X4 } from './drn-s-x4.ts';
import { DRN_S_X8 } from './drn-s-x8.ts';
import { DRN_XS_X4 } from './drn-xs-x4.ts';
import { EDGE_BLIND_X2 } from './edge-blind-x2.ts';
import { EDGE_BLIND_X4 } from './edge-blind-x4.ts';
import { EDGE_L_X4 } from './edge-l-x4.ts';
import { EDGE_S_X4 } from './edge-s-x4.ts';
import { EDGE_SITE_X4 } from './edge-site-x4.ts';
import { EDGE_X2 } from './edge-x2.ts';
import { EDGE_X3 } from './edge-x3.ts';
import { EDGE_X4 } from './edge-x4.ts';
import { EDGE_X8 } from './edge-x8.ts';
import type { TrainPreset } from './preset.ts';

export const PRESETS: readonly TrainPreset[] = [
  ...[EDGE_X4, EDGE_X2, EDGE_X3, EDGE_X8, EDGE_S_X4, EDGE_L_X4],
  ...[EDGE_BLIND_X4, EDGE_BLIND_X2, EDGE_SITE_X4],
  ...[DRN_XS_X4, DRN_S_X4, DRN_L_X4, DRN_S_X8, DRN_L_X8, DRN_S_X2],
];

/** Throws DS_BAD_OPTION with the ids there are. */
export function findPreset(id: string): TrainPreset {
  const preset = PRESETS.find((candidate) => candidate.id === id);
  if (!preset) throw badOption('--preset', `one of ${PRESETS.map((known) => known.id).join(', ')}`, id);
  return preset;
}
