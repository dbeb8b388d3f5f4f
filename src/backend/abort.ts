/**
 * Listening for aborts. A signal that many computations share gets one listener and not one each, because Node warns of a
 * leak if there are more than ten.
 */

interface Group {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const groups = new WeakMap<AbortSignal, Group>();

/**
 * Calls `callback` once when the signal aborts. If the signal has aborted already, it is never called.
 *
 * @returns a function that removes the callback, and with the last callback the listener
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
    // This iterates over the set itself, because one callback may remove another, which must not be called then.
    for (const callback of callbacks) callback();
  };
  const group = { callbacks, listener };
  groups.set(signal, group);
  signal.addEventListener('abort', listener, { once: true });
  return group;
}
