/** The page's worker: samples nets and computes the diagram, on deepntk's own TypeScript backend. */
import { momentsByDepth, streamHistogram } from 'deepntk/browser';

import { diagramPixels } from './diagram-pixels';
import { specOf } from './explored-spec';
import type { DiagramRequest, Reply, Request, SampleRequest } from './worker-messages';

/** What a dedicated worker has of its global scope here; the types of pages know only the page's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(reply: Reply, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
let running = new AbortController();

scope.onmessage = ({ data: request }) => {
  running.abort();
  running = new AbortController();
  if (request.kind === 'diagram') drawDiagram(request);
  else void sample(request, running.signal);
};

async function sample({ id, net, replicas }: SampleRequest, signal: AbortSignal): Promise<void> {
  const { seed, inputNorm2 } = net;
  // At any dispersion: it is what draws the nets that the second moment rests on, whose share is shown.
  const sampler = 'tilted';
  try {
    for await (const estimate of streamHistogram(specOf(net), {
      replicas,
      seed,
      inputNorm2,
      sampler,
      signal,
    })) {
      const { histogram, standardErrors, exactMoments } = estimate;
      scope.postMessage({
        kind: 'sample',
        id,
        mean: estimate.mean,
        meanError: standardErrors.mean,
        dispersion: estimate.dispersion,
        dispersionError: estimate.standardError,
        replicas: estimate.replicas,
        done: estimate.replicas === replicas,
        edges: histogram.logEdges.map((edge) => (edge - exactMoments.logMean) / Math.LN10),
        probability: histogram.probability,
        below: histogram.below,
        secondMomentShare: histogram.secondMomentShare,
      });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function drawDiagram(request: DiagramRequest): void {
  const { id, net, pixels } = request;
  const rgba = diagramPixels(request, (weightVariance, depths) =>
    momentsByDepth(specOf({ ...net, weightVariance, depth: depths.at(-1)! }), {
      inputNorm2: net.inputNorm2,
      depths,
    }).map(({ relativeVariance }) => Math.log(relativeVariance)),
  );
  scope.postMessage({ kind: 'diagram', id, ...pixels, pixels: rgba }, [rgba.buffer]);
}
