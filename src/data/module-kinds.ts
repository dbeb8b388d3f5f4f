/** Recognises PyTorch modules other than `nn.Linear` by the names and shapes of their tensors. */
import type { StoredTensor } from './safetensors';

/** The tensors of one module. */
export interface Module {
  /** `layers.0`; empty for tensors without a prefix. */
  readonly name: string;
  /** Tensors by the rest of their names: `weight`, `bias`, `running_mean`, `parametrizations.weight.original0`. */
  readonly parts: Map<string, StoredTensor>;
}

/** Groups tensors by module, in their order. */
export function modulesIn(tensors: Iterable<readonly [string, StoredTensor]>): Map<string, Module> {
  const modules = new Map<string, Module>();
  for (const [tensor, stored] of tensors) {
    const marker = /(?:^|\.)parametrizations\.[^.]*\.[^.]*(?:\.[^.]*)?$/.exec(tensor);
    const end = marker === null ? tensor.lastIndexOf('.') : marker.index;
    const name = end < 0 ? '' : tensor.slice(0, end);
    const part = name === '' ? tensor : tensor.slice(end + 1);
    let module = modules.get(name);
    if (module === undefined) modules.set(name, (module = { name, parts: new Map() }));
    module.parts.set(part, stored);
  }
  return modules;
}

/** The kind of a module, with a remedy if there is one; null if the module can be an `nn.Linear`. */
export function otherKindOf(module: Module, modules: ReadonlyMap<string, Module>): string | null {
  const { parts } = module;
  const ordinary = parts.get('weight')?.shape.length === 2 && parts.size === (parts.has('bias') ? 2 : 1);
  for (const { test, kind } of ordinary ? KINDS_OF_MATRICES : KINDS) {
    if (test(module, modules)) return `${kind} (module ${JSON.stringify(module.name)})`;
  }
  return null;
}

interface Kind {
  readonly test: (module: Module, modules: ReadonlyMap<string, Module>) => boolean;
  readonly kind: string;
}

const has =
  (...parts: readonly string[]) =>
  ({ parts: given }: Module): boolean =>
    parts.every((part) => given.has(part));

const named =
  (pattern: RegExp) =>
  ({ parts }: Module): boolean =>
    [...parts.keys()].some((part) => pattern.test(part));

const axes =
  (...counts: readonly number[]) =>
  ({ parts }: Module): boolean =>
    counts.includes(parts.get('weight')?.shape.length ?? -1);

const QUERIES = [
  ['q_proj', 'k_proj', 'v_proj'],
  ['query', 'key', 'value'],
  ['to_q', 'to_k', 'to_v'],
];

/** Whether a module is one of the three projections of an attention layer, next to the other two. */
function isAttentionProjection({ name }: Module, modules: ReadonlyMap<string, Module>): boolean {
  const [, parent = '', own = ''] = /^(.*\.)?([^.]*)$/s.exec(name) ?? [];
  return (
    QUERIES.some((trio) => trio.includes(own) && trio.every((other) => modules.has(parent + other))) ||
    ['qkv', 'c_attn', 'to_qkv', 'in_proj'].includes(own)
  );
}

/** The first kind that fits is the kind of the module. */
const KINDS: readonly Kind[] = [
  {
    test: named(/^(running_mean|running_var|num_batches_tracked)$/),
    kind: 'a BatchNorm or InstanceNorm layer; torch.nn.utils.fusion.fuse_linear_bn_eval folds it into the nn.Linear before it',
  },
  {
    test: (module) =>
      has('weight_g', 'weight_v')(module) || named(/^parametrizations\.\w+\.original[01]$/)(module),
    kind: 'weight norm; torch.nn.utils.parametrize.remove_parametrizations (or remove_weight_norm) before saving makes it an nn.Linear',
  },
  {
    test: (module) =>
      has('weight_orig', 'weight_u')(module) || named(/^parametrizations\.\w+\.\d+\._[uv]$/)(module),
    kind: 'spectral norm; torch.nn.utils.parametrize.remove_parametrizations (or remove_spectral_norm) before saving makes it an nn.Linear',
  },
  {
    test: has('weight_orig', 'weight_mask'),
    kind: 'a pruned layer; torch.nn.utils.prune.remove before saving makes it an nn.Linear',
  },
  {
    test: named(/^parametrizations\./),
    kind: 'a parametrized layer; torch.nn.utils.parametrize.remove_parametrizations before saving makes it an nn.Linear',
  },
  {
    test: named(/^weight_(ih|hh)(_l\d+)?(_reverse)?$/),
    kind: 'a recurrent layer (nn.RNN, nn.GRU or nn.LSTM)',
  },
  {
    test: named(/^(in_proj_weight|in_proj_bias|q_proj_weight|k_proj_weight|v_proj_weight|bias_k|bias_v)$/),
    kind: 'an attention layer',
  },
  { test: axes(3), kind: 'a convolution (nn.Conv1d) or an nn.Bilinear layer' },
  { test: axes(4), kind: 'a convolution (nn.Conv2d)' },
  { test: axes(5), kind: 'a convolution (nn.Conv3d)' },
  {
    test: (module) => axes(1)(module) && has('bias')(module),
    kind: 'a LayerNorm, GroupNorm or other normalization layer with a scale and a shift',
  },
  {
    test: (module) => axes(1)(module) && module.parts.get('weight')!.shape[0] === 1,
    kind: 'an nn.PReLU, or a normalization layer of one feature',
  },
  { test: axes(1), kind: 'an RMSNorm, a LayerNorm without a shift, or an nn.PReLU' },
  {
    test: has('kernel'),
    kind: 'a layer of Keras or Flax; save its kernel, which is (in, out), transposed as <module>.weight',
  },
  {
    test: named(/^(weight|bias)_scale$|^(qweight|qzeros|scales|zero_point|_packed_params)/),
    kind: 'a quantized layer',
  },
];

/** Kinds with only a matrix and perhaps a bias. Only their names distinguish them from `nn.Linear`. */
const KINDS_OF_MATRICES: readonly Kind[] = [
  { test: isAttentionProjection, kind: 'an attention layer' },
  {
    test: (module) =>
      !has('bias')(module) &&
      /(^|[._])((emb|embed|embedding|embeddings|embedder|wte|wpe)\d*|embed_(tokens|positions))$/i.test(
        module.name,
      ),
    kind: 'an embedding',
  },
  {
    test: ({ name }) => /(^|\.)lora_(embedding_)?[AB](\.[^.]*)?$/.test(name),
    kind: 'a LoRA adapter; merge_and_unload() of the peft package before saving makes it an nn.Linear',
  },
];
