/**
 * Listening for aborts. A signal that many computations share has one listener, not one each: Node takes more than ten
 * for a leak and says so.
 */

interface Group {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const groups = new WeakMap<AbortSignal, Group>();

/**
 * Has `callback` called once when the signal aborts. A signal that has aborted already calls nobody.
 *
 * @returns takes the callback back, and with the last one the listener
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const group = groups.get(signal) ?? listen(signal);
  group.callbacks.add(callback);
  return () => {
    if (!group.callbacks.delete(callback) || group.callbacks.size > 0) return;
    signal.removeEventListener('abort', group.listener);
    groups.delete(signal);
  };
}

function listen(signal: AbortSignal): Group {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    // The set itself, not a copy: one callback may take back another, which is then not to be called.
    for (const callback of callbacks) callback();
  };
  const group = { callbacks, listener };
  groups.set(signal, group);
  signal.addEventListener('abort', listener, { once: true });
  return group;
}
