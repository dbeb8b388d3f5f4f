/** A diagnosis as JSON has it: every fact, without the kernel matrices. */
import type { Diagnosis } from './facts';

export type DiagnosisJson = Omit<Diagnosis, 'kernel'> & {
  readonly kernel: Omit<Diagnosis['kernel'], 'matrix' | 'infiniteWidth'>;
};

export function diagnosisJson(diagnosis: Diagnosis): DiagnosisJson {
  const matrices = ['matrix', 'infiniteWidth'];
  const facts = Object.entries(diagnosis.kernel).filter(([name]) => !matrices.includes(name));
  return { ...diagnosis, kernel: Object.fromEntries(facts) as unknown as DiagnosisJson['kernel'] };
}
