/**
 * The engines by name, and where they compute. Apart from `Engine`: the package's declarations read
 * this, and must not lead to TensorFlow.js.
 */
export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'tensorrt';

export type TfjsBackend = 'tensorflow' | 'wasm' | 'cpu';

export const ENGINE_NAMES = ['onnx', 'tfjs'] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** An engine and where it computes. */
export type Runtime =
  | { readonly engine: 'onnx'; readonly provider: Provider }
  | { readonly engine: 'tfjs'; readonly provider: TfjsBackend };
