/** Describes loaded data in one line. */
import { list } from './decide';
import type { FoundAnswers, Inputs, LoadedData } from './loaded';

export function summarize(inputs: Inputs, answers: FoundAnswers): Pick<LoadedData, 'summary' | 'notes'> {
  const { name, x, columns, extents, header } = inputs;
  const [n = 0, features = 0] = x.shape;
  const detail = columns !== null ? list(columns) : header === false ? NO_HEADER : extents?.join(' x ');
  const found = answersText(answers);
  const first = answers.header === null ? '' : answers.header ? ' (names in line 1)' : ` (${NO_HEADER})`;
  const of = answers.source === null ? '' : `${answers.source}${first}: `;
  return {
    summary: [
      `${name}: ${counted(n, 'row')}, ${counted(features, 'feature')}${detail === undefined ? '' : ` (${detail})`}`,
      ...(found === null ? [] : [`${of}${found}`]),
    ].join('; '),
    notes: [...inputs.notes, ...answers.notes],
  };
}

const NO_HEADER = 'no names in line 1';

function answersText({ classes, targets, targetColumns, plain }: FoundAnswers): string | null {
  if (classes !== null) {
    const numeric = classes.every((name) => name.trim() !== '' && Number.isFinite(Number(name)));
    const numbers =
      numeric && !plain
        ? `, numbered ${list(
            classes.map((_, k) => String(k)),
            4,
          )}`
        : '';
    return `labels: ${counted(classes.length, 'class', 'classes')} (${list(classes)})${numbers}`;
  }
  if (targets === null) return null;
  const names = targetColumns === null ? '' : ` (${list(targetColumns)})`;
  return `targets: ${counted(targets.shape[1]!, 'number')} per row${names}`;
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
