// Included by chain.cpp once for each target: plain loops over the replicas that are under way, which
// compilers vectorize.

// The numbers of active units, and with them the degrees of freedom. Words 2 and 3 choose.
void drawGates(const ChainPlan& plan, Lanes& lanes, std::size_t layer, const std::uint8_t* law) {
  const std::size_t tables = kLaws * static_cast<std::size_t>(plan.widthClass[layer]);
  const std::int32_t *bits = plan.gateBits.data(), *low = plan.gateLow.data(), *start = plan.gateStart.data();
  const double* const keep = plan.gateKeep.data();
  const std::int32_t* const other = plan.gateOther.data();
  if (law == nullptr) {
    const std::int32_t tableBits = bits[tables], tableLow = low[tables], tableStart = start[tables];
    for (std::size_t i = 0; i < kAbreast; i++) {
      const auto row = static_cast<std::int32_t>(lanes.words[2][i] >> (32 - tableBits));
      const double u = uniform(lanes.words[3][i], lanes.words[2][i] << tableBits);
      const std::int32_t at = tableStart + row;
      const std::int32_t active = u < keep[at] ? row + tableLow : other[at];
      lanes.dead[i] |= active == 0;
      lanes.dof[0][i] = active;
      lanes.dof[1][i] = std::max(0, active - 1);
    }
    return;
  }
  for (std::size_t i = 0; i < kAbreast; i++) {
    const std::size_t table = tables + law[i];
    const auto row = static_cast<std::int32_t>(lanes.words[2][i] >> (32 - bits[table]));
    const double u = uniform(lanes.words[3][i], lanes.words[2][i] << bits[table]);
    const std::int32_t at = start[table] + row;
    const std::int32_t active = u < keep[at] ? row + low[table] : other[at];
    lanes.dead[i] |= active == 0;
    lanes.dof[0][i] = active + 2 * kUps[law[i]];
    lanes.dof[1][i] = std::max(0, active - 1) + 2 * kDowns[law[i]];
  }
}

void tryLanes(Lanes& lanes, int which) {
  for (std::size_t i = 0; i < kAbreast; i++) {
    bool settled;
    lanes.chi[which][i] =
        quickChiSquare(lanes.dof[which][i], lanes.normals[which][i], lanes.words[which][i], settled);
    lanes.open[which][i] = !settled;
  }
}

void stepUp(const ChainPlan& plan, Lanes& lanes, std::size_t layer) {
  const double scale = plan.weightScale[layer + 1], weightTerm = plan.weightTerms[layer + 1];
  const double biasTerm = plan.biasTerms[layer + 1], signalScale = plan.signalScale[layer + 1];
  const double noiseScale = plan.noiseScale[layer + 1], biasVariance = plan.biasVariance;
  for (std::size_t i = 0; i < kAbreast; i++) {
    const double up = lanes.chi[0][i], down = lanes.chi[1][i], unit = lanes.unit[i];
    const double activation = lanes.signal[i] * up;
    const double sum = lanes.across[i] + lanes.along[i] * up;
    lanes.signal[i] = scale * activation + biasVariance * unit;
    const double term = weightTerm * activation + biasTerm * unit;
    lanes.own[i] = scale * (down * lanes.own[i]) + term;
    lanes.across[i] = scale * (down * lanes.across[i]) + term + noiseScale * sum;
    lanes.along[i] = signalScale * sum;
  }
}

// From every state to the option that its uniform number chooses among those of its row.
void chooseOptions(const PathTables& tables, std::size_t layer, const double* uniforms, Paths& paths) {
  const std::int32_t* const start = tables.start.data() + tables.states * layer;
  const double* const cumulative = tables.cumulative.data();
  const std::size_t count = paths.padded();
  const std::int32_t lastOption = static_cast<std::int32_t>(tables.cumulative.size()) - 1;
  for (std::size_t k = 0; k < count; k++) {
    const std::int32_t state = paths.state[k];
    paths.option[k] = std::min(start[state], lastOption);
    paths.last[k] = start[state + 1] - 1;
  }
  for (std::int32_t moved = 1; moved != 0;) {
    moved = 0;
    for (std::size_t k = 0; k < count; k++) {
      const std::int32_t option = paths.option[k];
      const std::int32_t step = (option < paths.last[k]) & (uniforms[k] >= cumulative[option]);
      paths.option[k] = option + step;
      moved |= step;
    }
  }
}
