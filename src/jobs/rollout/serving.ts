/** What jobs need of the plugin that serves; a `Dualscale` fits. */
export type {
  EndedRequest as ServedRequest,
  Enlargement as ServedEnlargement,
  Serving,
} from '../../core/upscale/serving.ts';
