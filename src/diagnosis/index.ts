/** Does infinite-width theory describe a net? */
export { diagnose, type DiagnoseOptions, type DiagnosisProgress, type DiagnosisStage } from './diagnose';
export type { DiagnosisData } from './data';
export type {
  Advice,
  DataFacts,
  Diagnosis,
  FirstStepFacts,
  InitializationFacts,
  KernelFacts,
  NetFacts,
  PhaseFacts,
  TrainingCheckpoint,
  TrainingFacts,
  WeightVarianceAdvice,
  WidthAdvice,
} from './facts';
export { diagnosisJson, type DiagnosisJson } from './json';
export { DIAGNOSIS_THRESHOLDS, type DiagnosisThresholds } from './thresholds';
export type { Criterion, Verdict, VerdictName } from './verdict';
