/** Finds the format of data by their first bytes, and explains how to convert formats that are not supported. */
import { invalidFile } from '../files';
import type { ByteReader } from './bytes';

export type Format = 'npy' | 'zip' | 'idx' | 'text';

const text = (letters: string): number[] => [...Buffer.from(letters, 'latin1')];

const KNOWN: readonly (readonly [Format, readonly number[]])[] = [
  ['npy', text('\x93NUMPY')],
  ['zip', text('PK\x03\x04')],
  ['zip', text('PK\x05\x06')],
];

const SAVE = "numpy.savez('data.npz', x=x, y=y)";
const PICKLE =
  `a Python pickle, which runs code when it is loaded; convert it in Python: x, y = pickle.load(file)[0] ` +
  `(adapt this to its layout), then ${SAVE}`;
const PARQUET = `a Parquet file; convert it in Python: pandas.read_parquet(file).to_csv('data.csv', index=False)`;
const EXCEL = `an Excel file; save it as CSV, or in Python: pandas.read_excel(file).to_csv('data.csv', index=False)`;
const HDF5 = `an HDF5 file; convert it in Python: with h5py.File(file) as f: numpy.savez('data.npz', **{k: v[()] for k, v in f.items()})`;
const MATLAB = `a MATLAB file; convert it in Python: numpy.save('X.npy', scipy.io.loadmat(file)['X'])`;
const ARROW = `an Arrow (Feather) file; convert it in Python: pandas.read_feather(file).to_csv('data.csv', index=False)`;
const JSON_FILE = `a JSON file; convert it in Python: pandas.read_json(file).to_csv('data.csv', index=False)`;
const ARFF = `an ARFF file; convert it in Python: pandas.DataFrame(scipy.io.arff.loadarff(file)[0]).to_csv('data.csv', index=False)`;
const PACKED = (name: string, article = 'a'): string =>
  `${article} ${name} file; unpack it first (only gzip is supported)`;
const IMAGE = `an image; put all images into one array of N x pixels, then ${SAVE}`;
const TORCH = `a PyTorch file; convert it in Python: numpy.save('X.npy', torch.load(file).numpy())`;

/** Formats by their first bytes. */
const REFUSED: readonly (readonly [recipe: string, bytes: readonly number[], at?: number])[] = [
  ...[2, 3, 4, 5].map((version): [string, number[]] => [PICKLE, [0x80, version]]),
  [PARQUET, text('PAR1')],
  [HDF5, text('\x89HDF')],
  [HDF5, text('\x89HDF'), 512],
  [MATLAB, text('MATLAB ')],
  [EXCEL, [0xd0, 0xcf, 0x11, 0xe0]],
  [ARROW, text('ARROW1')],
  [ARROW, text('FEA1')],
  [PACKED('bzip2'), text('BZh')],
  [PACKED('xz', 'an'), [0xfd, ...text('7zXZ')]],
  [PACKED('Zstandard'), [0x28, 0xb5, 0x2f, 0xfd]],
  [PACKED('7z'), text("7z\xbc\xaf'\x1c")],
  [PACKED('tar'), text('ustar'), 257],
  [IMAGE, text('\x89PNG')],
  [IMAGE, [0xff, 0xd8, 0xff]],
];

/** Text that may be an older version of one of these formats. */
const REFUSED_NAMES: readonly (readonly [RegExp, string])[] = [
  [/\.(pkl|pickle|p)$/i, PICKLE],
  [/\.(parquet|pq)$/i, PARQUET],
  [/\.(xlsx?|xlsm|ods)$/i, EXCEL],
  [/\.mat$/i, MATLAB],
  [/\.(h5|hdf5?)$/i, HDF5],
  [/\.(feather|arrow)$/i, ARROW],
  [/\.(json|jsonl|ndjson)$/i, JSON_FILE],
  [/\.arff$/i, ARFF],
  [/\.(pt|pth)$/i, TORCH],
];

const READ = 'a table (CSV, TSV), a .npy, .npz or IDX file, plain or gzipped';

/** @throws DeepntkError `ERR_INVALID_FILE` for another format, with its name and how to convert it */
export async function formatOf(reader: ByteReader, name: string): Promise<Format> {
  const head = await reader.peek(1024);
  const begins = (bytes: readonly number[], at = 0): boolean =>
    bytes.every((byte, i) => head[at + i] === byte);
  if (head.length === 0) throw invalidFile(name, READ, 'an empty file');
  const plain = name.replace(/\.gz$/i, '');
  const known = KNOWN.find(([, bytes]) => begins(bytes))?.[0];
  if (known !== undefined) return known;
  const refused =
    REFUSED.find(([, bytes, at]) => begins(bytes, at))?.[0] ??
    REFUSED_NAMES.find(([pattern]) => pattern.test(plain))?.[1] ??
    refusedText(Buffer.from(head).toString('latin1'));
  if (refused !== undefined) throw invalidFile(name, READ, refused);
  if (/\.npy$/i.test(plain)) return 'npy';
  const isIdx = head[0] === 0 && head[1] === 0 && head[2]! >= 8 && head[2]! <= 14 && head[3]! > 0;
  if (isIdx || /ubyte$|\.idx$/i.test(plain)) return 'idx';
  if (/\.npz$/i.test(plain)) throw invalidFile(name, 'a .npz file (first bytes PK)', 'another format');
  return 'text';
}

function refusedText(head: string): string | undefined {
  if (/^\s*(\{\s*"|\[\s*[[{])/.test(head)) return JSON_FILE;
  return /^\s*@relation\b/i.test(head) ? ARFF : undefined;
}

/** The kind of a zip file that has no arrays in it. */
export function archiveRecipe(names: readonly string[]): string | undefined {
  if (names.includes('[Content_Types].xml')) return EXCEL;
  return names.some((name) => name.endsWith('data.pkl')) ? TORCH : undefined;
}
