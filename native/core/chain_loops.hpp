// Included by chain.cpp once for each target: plain loops over the replicas that are under way, which
// compilers vectorize.

// The numbers of active units, and with them the degrees of freedom.
void drawGates(const ChainView& plan, Lanes& lanes, std::size_t layer, const std::uint8_t* law) {
  const std::size_t tables = kChainLaws * static_cast<std::size_t>(plan.widthClass[layer]);
  const std::int32_t *const bits = plan.gateBits, *const low = plan.gateLow, *const start = plan.gateStart;
  const double* const keep = plan.gateKeep;
  const std::int32_t* const other = plan.gateOther;
  if (law == nullptr) {
    const GateTable table{bits[tables], low[tables], start[tables]};
    for (std::size_t i = 0; i < kAbreast; i++) {
      const std::int32_t active = activeUnits(table, keep, other, lanes.words[2][i], lanes.words[3][i]);
      lanes.dead[i] |= active == 0;
      lanes.dof[0][i] = active;
      lanes.dof[1][i] = std::max(0, active - 1);
    }
    return;
  }
  for (std::size_t i = 0; i < kAbreast; i++) {
    const std::size_t at = tables + law[i];
    const std::int32_t active =
        activeUnits({bits[at], low[at], start[at]}, keep, other, lanes.words[2][i], lanes.words[3][i]);
    lanes.dead[i] |= active == 0;
    lanes.dof[0][i] = active + addedUp(law[i]);
    lanes.dof[1][i] = std::max(0, active - 1) + addedDown(law[i]);
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

void stepUp(const ChainView& plan, Lanes& lanes, std::size_t layer) {
  const ChainStep step = stepOf(plan, layer);
  for (std::size_t i = 0; i < kAbreast; i++) {
    climbLayer(step, lanes.chi[0][i], lanes.chi[1][i], lanes.unit[i], lanes.signal[i], lanes.across[i],
               lanes.along[i], lanes.own[i]);
  }
}

// From every state to the option that its uniform number chooses among those of its row.
void chooseOptions(const PathView& tables, std::size_t layer, const double* uniforms, Paths& paths) {
  const std::int32_t* const start = tables.start + tables.states * layer;
  const double* const cumulative = tables.cumulative;
  const std::size_t count = paths.padded();
  const std::int32_t lastOption = static_cast<std::int32_t>(tables.options) - 1;
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
