/** Pages of diagnoses for tests: the three verdicts, and nets and data at the ends of what there is. */
import { createSpec, diagnose, type Diagnosis, Mlp } from '../../src/index';
import { diagnosisPage } from '../../src/report';
import { smallData, SUBJECTS } from '../diagnosis/subjects';

export interface DiagnosisPage {
  readonly name: string;
  readonly diagnosis: Diagnosis;
  readonly html: string;
}

export async function diagnosisPages(): Promise<DiagnosisPage[]> {
  const given = Mlp.random(createSpec({ inputDim: 20, hiddenWidths: [60, 50, 40], weightVariance: 3 }), {
    seed: 1,
  });
  const wrong = Mlp.fromLayers(createSpec({ inputDim: 20, hiddenWidths: [60, 50, 40] }), given.layers);
  const linear = createSpec({ inputDim: 20, depth: 0 });
  const overflowing = createSpec({ inputDim: 20, depth: 400, width: 40, weightVariance: 20 });
  const runs = [
    ...SUBJECTS.map(({ name, spec }) => ({ name, net: spec, data: { ...smallData(), name: 'Waves' } })),
    { name: 'a given net with warnings', net: wrong, data: { x: smallData().x, name: '<b>"x" & y</b>' } },
    { name: 'a linear net and one input', net: linear, data: smallData(1) },
    { name: 'a kernel that overflows', net: overflowing, data: smallData(5) },
  ];
  const pages: DiagnosisPage[] = [];
  for (const { name, net, data } of runs) {
    const diagnosis = await diagnose(net, data, { quick: true, seed: 1 });
    pages.push({ name, diagnosis, html: await diagnosisPage(diagnosis) });
  }
  return pages;
}
