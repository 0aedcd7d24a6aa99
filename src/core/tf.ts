/**
 * TF.js, loaded through its CommonJS bundle: the ESM of `@tensorflow/tfjs-core` has extensionless
 * imports that Node refuses.
 */
import { createRequire } from 'node:module';
import type * as TensorFlow from '@tensorflow/tfjs';

export const tf = createRequire(import.meta.url)('@tensorflow/tfjs') as typeof TensorFlow;

// Silences the banner that advertises tfjs-node; which engine runs is this package's decision and
// is logged by it.
tf.env().set('PROD', true);

export type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
