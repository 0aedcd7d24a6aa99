/** An emitter of one kind of value. */

/**
 * @template Value
 * @typedef {object} Topic
 * @property {(value: Value) => void} emit
 * @property {(listener: (value: Value) => void) => () => void} add Gives back what removes the listener.
 */

/** @template Value @returns {Topic<Value>} */
export function createTopic() {
  /** @type {Set<(value: Value) => void>} */
  const listeners = new Set();
  return {
    emit(value) {
      for (const listener of [...listeners]) listener(value);
    },
    add(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
