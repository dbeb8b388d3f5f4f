'use strict';

/**
 * What is promised of every reader of files, and fuzzed: whatever the bytes, a reader returns, or throws a DeepntkError; it
 * does not take long; and it allocates in proportion to what the file HAS, not to what its header says.
 */
const { createHash } = require('node:crypto');
const { existsSync, readdirSync, readFileSync } = require('node:fs');
const path = require('node:path');
const { crc32, gzipSync } = require('node:zlib');

const root = path.join(__dirname, '..', '..');
const dist = (name) => require(path.join(root, 'dist', name));
const { DeepntkError } = dist('errors.js');

const FILES = /dist\/(data|network|sampling)\//;
const FIXTURES = path.join(root, 'test', 'data', 'fixtures');

const json = (value) => Buffer.from(JSON.stringify(value));
const fixtures = (folder, extension) =>
  readdirSync(path.join(FIXTURES, folder))
    .filter((name) => name.endsWith(extension))
    .map((name) => readFileSync(path.join(FIXTURES, folder, name)));

const NET = {
  format: 'deepntk-net',
  version: 1,
  spec: {
    inputDim: 2,
    hiddenWidths: [3],
    outputDim: 1,
    weightVariance: 2,
    biasVariance: 0,
    parametrization: 'standard',
    biasGradients: true,
  },
  layers: [
    { weights: { shape: [3, 2], data: [1, 2, 3, 4, 5, 6.5] }, biases: { shape: [3], data: [0, -0.5, 1e-9] } },
    { weights: { shape: [1, 3], data: [1, 2, 3] }, biases: { shape: [1], data: [0] } },
  ],
};

/** A run's file without its checksum. */
const run = (content) => Buffer.from(JSON.stringify(content).slice(0, -1));

const part = (count) => ({ count, x: [1, 1e-20], y: [2], xx: [1], yy: [4], xy: [2] });
const RUN = {
  format: 'deepntk-dispersion',
  version: 2,
  settings: { spec: { ...NET.spec, depth: 1, widths: [2, 3, 1] }, inputNorm2: 1, seed: 1, sampler: 'tilted' },
  ranges: [[0, 6]],
  sums: { largest: 2.5, parts: [part(1), part(2), part(3)] },
};

const sumsOf = (length, infinite = []) => ({
  sums: Array.from({ length }, () => [1e-20, 3.5]),
  squares: Array.from({ length }, () => [2.25]),
  infinite,
});
const SAMPLE = {
  format: 'deepntk-ntk-sample',
  version: 1,
  settings: {
    spec: RUN.settings.spec,
    inputs: { shape: [2, 2], sha256: '0123456789abcdef'.repeat(4) },
    seed: 1,
    sampler: 'direct',
    outputs: 'trace',
    weightVariances: [],
    units: [-3],
  },
  ranges: [
    [0, 6],
    [8, 9],
  ],
  sums: {
    sets: [
      {
        count: 7,
        dead: 1,
        entries: sumsOf(4),
        ratios: sumsOf(4, [
          [0, 1, 2],
          [3, 0, 6],
        ]),
        largestEigenvalue: sumsOf(1),
        conditionNumber: sumsOf(1, [[0, 6, 0]]),
      },
    ],
  },
};

/** What is done with a run's file: it is read, and its sums taken over. With the right checksum, else no change would get so far. */
function readRun(kind, bytes) {
  const content = bytes.toString('utf8');
  const text = `${content},"checksum":"${createHash('sha256').update(content).digest('hex')}"}\n`;
  const { settings, sums: stored } = decodeSums(kind, text, 'checkpoint');
  const sums = kind.noSums(settings);
  return [...kind.addStored(sums, stored)].length;
}

function idx(axes, bytes) {
  const header = Buffer.alloc(4 + 4 * axes.length);
  header.set([0, 0, 8, axes.length]);
  axes.forEach((extent, i) => header.writeUInt32BE(extent, 4 + 4 * i));
  return Buffer.concat([header, Buffer.alloc(bytes, 7)]);
}

function npy(header) {
  const text = Buffer.from(header);
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 0, 0, 0, 0]);
  prefix.writeUInt32LE(text.length, 8);
  return Buffer.concat([prefix, text]);
}

const { SWEEP_COLUMNS } = dist('sampling/sweep.js');
const { CSV_HEADER, rowKindOf, SWEEP_FORMAT } = dist('sampling/sweep-file.js');
const ROW = SWEEP_COLUMNS.map((_, i) => (i === 6 ? 'standard' : i === 7 ? 'true' : String(i)));

const { readNpy, encodeNpy } = dist('data/npy.js');
const { loadData } = dist('data/load/load.js');
const { openSafetensors } = dist('data/safetensors.js');
const { decodeOnnx } = dist('data/onnx/index.js');
const { layersFromTensors } = dist('data/linear-layers.js');
const { decodeJsonNet } = dist('data/json-net.js');
const { specOfFile } = dist('network/spec.js');
const { readIdx } = dist('data/idx.js');
const { decodeSums } = dist('runs/sums-file.js');
const { decodeJournal } = dist('runs/journal.js');
const { isNatural } = dist('runs/head.js');
const { decodeRows } = dist('runs/row-file.js');
const { DISPERSION_SUMS } = dist('sampling/one-input/dispersion-file.js');
const { NTK_SAMPLE_SUMS } = dist('sampling/matrix/ntk-sample-file.js');

const JSON_WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  'null',
  'true',
  '"__proto__":',
  '"spec":',
  '"shape":',
  '"data":',
];

const TABLE_OPTIONS = [
  { labelColumn: 0, delimiter: ',' },
  {},
  { header: false, targetColumn: [1], decimal: ',', delimiter: ';' },
  { header: true, columns: [0], delimiter: 'tab' },
  { labelColumn: 'label', classes: 3, encoding: 'latin1' },
  { labelColumn: 1, targetsAre: 'classes', encoding: 'utf-16le' },
];
const TABLES = [
  [0, 'label,a,b\n1,2,3\n0,4.5,-6e7\n'],
  [0, 'l,x\r\ncat,1\r\n\r\n"d""og",2\r\n'],
  [1, 'a;b\n1;2\n'],
  [1, gzipSync('a b\n1 2\n3 4\n')],
  [2, '1,5;2\n3;4,25\n'],
  [3, '0\t1\n2\t"3\n"\n'],
  [4, 'x,label\n1,0\n2,2\n'],
  [5, Buffer.from('\ufeffa,k\n1,x\n', 'utf16le')],
];

/** A zip archive of one member without compression. */
function storedZip(name, content) {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt32LE(crc32(content), 10);
  fields.writeUInt32LE(content.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), content]);
  const entry = Buffer.concat([
    Buffer.from('PK\x01\x02'),
    Buffer.from([20, 0]),
    fields,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 4);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(entry.length, 8);
  end.writeUInt32LE(local.length, 12);
  return Buffer.concat([local, entry, Buffer.from('PK\x05\x06'), end]);
}

/** Of each reader: what it does with bytes, what valid files look like, and the words of its format. */
const READERS = {
  npy: {
    read: (bytes) => readNpy(bytes),
    seeds: () => [
      ...fixtures('npy', '.npy'),
      gzipSync(fixtures('npy', '.npy')[0]),
      npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }"),
      npy("{'descr': '|b1', 'fortran_order': False, 'shape': (9007199254740991, 0), }"),
    ],
    words: ['(', ')', '[', ']', '{', '}', "'descr'", "'shape'", 'True', 'None', "'<f8'", "'>i8'", "'\\", ','],
  },
  safetensors: {
    read: (bytes) => layersFromTensors(openSafetensors(bytes)),
    seeds: () => [...fixtures('safetensors', '.safetensors'), ...fixtures('nets', '.safetensors')],
    words: [
      ...JSON_WORDS,
      ...['"dtype":"F64"', '"BF16"', '"I64"', '"data_offsets":[0,8]', '"__metadata__":{"a":"0.weight"}'],
      ...[
        '.weight',
        '.bias',
        '.running_mean',
        '.weight_g',
        '.parametrizations.weight.original0',
        'models.1.',
        '.q_proj',
      ],
    ],
  },
  onnx: {
    read: (bytes) => decodeOnnx(bytes, 'net.onnx', { foldBatchNorm: true }),
    seeds: () => fixtures('nets', '.onnx'),
    words: [
      ...[
        'Gemm',
        'MatMul',
        'Add',
        'Relu',
        'Identity',
        'Flatten',
        'Reshape',
        'Constant',
        'Cast',
        'Transpose',
        'Dropout',
      ],
      ...[
        'BatchNormalization',
        'alpha',
        'beta',
        'transB',
        'axis',
        'perm',
        'value',
        'location',
        '\u0008\u0001',
        '\u00ff\u00ff\u00ff\u00ff\u000f',
      ],
    ],
  },
  'json-net': {
    read: (bytes) => specOfFile('net', decodeJsonNet(bytes.toString('utf8')).spec),
    seeds: () => [json(NET)],
    words: [...JSON_WORDS, '"layers":', '"depth":3', '"width":1000000'],
  },
  idx: {
    read: (bytes) => readIdx(bytes),
    seeds: () => [
      idx([2, 2, 3], 12),
      idx([4], 4),
      gzipSync(idx([2, 3], 6)),
      gzipSync(idx([1000, 1000], 1e6)),
      idx([0, 4294967295], 0),
    ],
    words: ['\u001f\u008b', '\u0000\u0000\u0008\u0003'],
  },
  npz: {
    read: (bytes) => loadData(bytes),
    seeds: () => [
      ...fixtures('npz', '.npz'),
      storedZip('x.npy', encodeNpy({ data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] })),
      gzipSync(storedZip('x.npy', encodeNpy({ data: Float64Array.of(1, 2), shape: [1, 2] }))),
    ],
    words: [
      'PK\u0003\u0004',
      'PK\u0001\u0002',
      'PK\u0005\u0006',
      'PK\u0006\u0006',
      'PK\u0006\u0007',
      '.npy',
      '\u0001\u0000\u0010\u0000',
    ],
  },
  // The first byte chooses options: there are more paths than one set of options has. csv-parse makes strings and lists for
  // every cell and row, which are garbage at once, but counted here.
  table: {
    bytesPerByte: 512,
    read: (bytes) => loadData(bytes.subarray(1), TABLE_OPTIONS[bytes[0] % TABLE_OPTIONS.length] ?? {}),
    seeds: () => TABLES.map(([choice, text]) => Buffer.concat([Buffer.from([choice]), Buffer.from(text)])),
    words: [
      '"',
      ',',
      ';',
      '\t',
      '|',
      '\n',
      '\r\n',
      '\r',
      '\ufeff',
      '1e999',
      '999999999',
      '\u0000',
      '-1,5',
      'NaN',
      '0x10',
    ],
  },
  checkpoint: {
    read: (bytes) => readRun(DISPERSION_SUMS, bytes),
    seeds: () => [run(RUN)],
    words: [...JSON_WORDS, '"ranges":[[0,9007199254740991]]', '"hiddenWidths":', '"depth":'],
  },
  'ntk-sample': {
    read: (bytes) => readRun(NTK_SAMPLE_SUMS, bytes),
    seeds: () => [run(SAMPLE)],
    words: [...JSON_WORDS, '"shape":[999999999,2]', '"outputDim":999999', '"infinite":[[0,1,0]]', '"units":'],
  },
  journal: {
    read: (bytes) => decodeJournal(bytes.toString('utf8'), SWEEP_FORMAT, isNatural, 'rows.csv.meta.jsonl'),
    seeds: () => [
      Buffer.from(`${JSON.stringify({ ...SWEEP_FORMAT, settings: {} })}\n[0,"00c0ffee"]\n\n[1,"0`),
    ],
    words: [...JSON_WORDS, '\n', '"00c0ffee"'],
  },
  rows: {
    // Without checksums, or else no change would get far.
    read: (bytes) =>
      decodeRows(rowKindOf('rows.csv'), { settings: {}, pieces: new Map() }, bytes, 'rows.csv'),
    seeds: () => [Buffer.from(`${CSV_HEADER}${ROW.join(',')}\n${ROW.join(',')}`)],
    words: [CSV_HEADER, ',', '\n', '"'],
  },
};

/** Of the processor: a machine that is busy with other things is no fault of a reader. */
const LONGEST_MS = 2000;
/** What a reader may allocate: this much whatever the file, and so many bytes for one of the file's. */
const FREE_BYTES = 32 * 2 ** 20;
const BYTES_PER_BYTE = 64;
/** A byte of gzip is up to 1032 bytes, which are held twice at the end; and 20 ms a kilobyte to unpack. */
const PACKED = { bytesPerByte: 2 * 1032, msPerByte: 0.02 };

/** Rejects where reading `input` breaks the promise. */
async function check(name, input) {
  const packed = input[0] === 0x1f && input[1] === 0x8b;
  const longest = LONGEST_MS + (packed ? PACKED.msPerByte * input.length : 0);
  const bytesPerByte = packed ? PACKED.bytesPerByte : (READERS[name].bytesPerByte ?? BYTES_PER_BYTE);
  const before = process.memoryUsage();
  const start = process.cpuUsage();
  try {
    await READERS[name].read(input);
  } catch (error) {
    if (!(error instanceof DeepntkError)) throw error;
    if (error.message.length > 2000)
      throw new Error(`an error message of ${error.message.length} characters`, { cause: error });
  }
  const { user, system } = process.cpuUsage(start);
  const elapsed = (user + system) / 1000;
  if (elapsed > longest) throw new Error(`took ${Math.round(elapsed)} ms`);
  const after = process.memoryUsage();
  const grown = after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
  if (grown > FREE_BYTES + bytesPerByte * input.length) {
    throw new Error(`allocated ${grown} bytes for a file of ${input.length}`);
  }
}

/** Inputs that once broke the promise. */
function findings(name) {
  const folder = path.join(__dirname, 'findings', name);
  return existsSync(folder) ? readdirSync(folder).map((file) => readFileSync(path.join(folder, file))) : [];
}

module.exports = { check, FILES, findings, READERS };
