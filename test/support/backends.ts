import { availableBackends, backendInfo, type BackendName } from '../../src/index';

/**
 * The backends that a suite runs over. Where the native one is required (DEEPNTK_REQUIRE_NATIVE=1, as in CI), its
 * absence fails the suite; elsewhere it is said aloud. So is the CUDA one's where DEEPNTK_REQUIRE_CUDA=1
 * (scripts/cuda.sh); it runs wherever it loads.
 */
export function testedBackends(): BackendName[] {
  const available = availableBackends();
  if (process.env['DEEPNTK_REQUIRE_CUDA'] === '1' && !available.includes('cuda'))
    throw new Error(`the CUDA backend is required: ${backendInfo().unavailable.cuda}`);
  const missing = backendInfo().unavailable.native;
  if (missing !== undefined) {
    if (process.env['DEEPNTK_REQUIRE_NATIVE'] === '1')
      throw new Error(`the native backend is required: ${missing}`);
    console.warn(`native backend not tested: ${missing}`);
  }
  return available;
}
