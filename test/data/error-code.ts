/** The `code` of the error that a function throws; undefined if it throws none. */
export function errorCode(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}
