/** Options that the scripts about blind models share, for `parseArgs`. */
export const BLIND_FLAGS = {
  models: { type: 'string', default: 'models' },
  blind: { type: 'string', default: 'edge-blind-x4' },
  'plain-models': { type: 'string', default: 'models' },
  plain: { type: 'string', default: 'edge-x4' },
} as const;
