/** A diagnosis as JSON has it: every fact, without the kernel matrices. */
import { invalidArgument } from '../errors';
import type { Diagnosis } from './facts';

/** A diagnosis without its kernel matrices. */
export type DiagnosisJson = Omit<Diagnosis, 'kernel'> & {
  readonly kernel: Omit<Diagnosis['kernel'], 'matrix' | 'infiniteWidth'>;
};

/** What `deepntk diagnose --json` prints. */
export function diagnosisJson(diagnosis: Diagnosis): DiagnosisJson {
  const given = diagnosis as Partial<Diagnosis> | null | undefined;
  if (typeof given?.kernel !== 'object' || (given.kernel as unknown) === null)
    throw invalidArgument('diagnosisJson', 'what diagnose returned', diagnosis);
  const matrices = ['matrix', 'infiniteWidth'];
  const facts = Object.entries(diagnosis.kernel).filter(([name]) => !matrices.includes(name));
  return { ...diagnosis, kernel: Object.fromEntries(facts) as unknown as DiagnosisJson['kernel'] };
}
