// Random numbers: the known answer of Philox, and the same bits as src/random/normal.ts.
#include "../core/normal.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

#include "../core/philox.hpp"
#include "check.hpp"

using namespace deepntk;

namespace {

// From the Random123 distribution's known answers.
void philoxKnownAnswers() {
  const PhiloxBlock zero = philox4x32({{0, 0, 0, 0}}, 0, 0);
  CHECK(zero.words[0] == 0x6627e8d5 && zero.words[1] == 0xe169c58d);
  CHECK(zero.words[2] == 0xbc57ac4c && zero.words[3] == 0x9b00dbd8);
  const PhiloxBlock ones = philox4x32({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u);
  CHECK(ones.words[0] == 0x408f276d && ones.words[1] == 0x41c83b0e);
  CHECK(ones.words[2] == 0xa20bc7c6 && ones.words[3] == 0x6d5451fd);
}

constexpr StreamKey kKey{(std::uint64_t{1} << 40) + 12345, 7, 3};

// What fillNormals of src/random/normal.ts gives for the same key.
void sameBitsAsTypeScript() {
  std::vector<double> normals(100001);
  fillNormals({normals.data(), normals.size()}, kKey, 1);
  const double expected[] = {0.7078879678898681, 0.41275592595283944,   0.43316734143262026,
                             0.977407727458906,  -0.012224129335800393, 0.9609965845852544};
  for (std::size_t i = 0; i < 6; i++) CHECK(normals[i] == expected[i]);

  fillNormals({normals.data(), normals.size()}, kKey, 0.5);
  std::uint64_t checksum = 0;
  for (double normal : normals) {
    std::uint64_t bits;
    std::memcpy(&bits, &normal, sizeof bits);
    checksum = checksum * 31 + bits;
  }
  CHECK(checksum == 0x51fcb5892f01a946);
}

void anyPartOfAStreamCanBeDrawnAlone() {
  std::vector<double> whole(2000), part(777);
  fillNormals({whole.data(), whole.size()}, kKey, 2);
  fillNormals({part.data(), part.size()}, kKey, 2, 1000);
  for (std::size_t i = 0; i < part.size(); i++) CHECK(part[i] == whole[1000 + i]);
}

// 10^6 normals: the standard errors are .001 for the mean and .0014, .0024, .0098 for the moments below; five
// of each.
void momentsOfTheNormal() {
  std::vector<double> normals(1000000);
  fillNormals({normals.data(), normals.size()}, {42, 0, 1}, 1);
  double moments[4] = {};
  for (double z : normals) {
    double power = 1;
    for (double& moment : moments) moment += (power *= z) / static_cast<double>(normals.size());
  }
  CHECK_NEAR(moments[0], 0, 0.005);
  CHECK_NEAR(moments[1], 1, 0.007);
  CHECK_NEAR(moments[2], 0, 0.02);
  CHECK_NEAR(moments[3], 3, 0.05);
}

}  // namespace

int main() {
  philoxKnownAnswers();
  sameBitsAsTypeScript();
  anyPartOfAStreamCanBeDrawnAlone();
  momentsOfTheNormal();
}
