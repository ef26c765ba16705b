// The best known layout for an order book in native code, as a measure of how far JavaScript is from it:
// orders in an open-addressed table by id, levels in an array by tick, the best price from a tree of
// bitmaps. It checks what depthcast checks of the events that the flows have: names, sides, duplicate and
// unknown orders, crossing.
//
// Reads commands from standard input: 'A', uint32 count and as many events of 32 bytes, answered with a line
// of the CPU nanoseconds taken; 'T' and uint32 levels, answered with a line of prices and totals.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

struct Event {
  uint64_t id;
  int64_t price;
  int64_t quantity;
  uint8_t action;
  uint8_t side;
  uint8_t spare[6];
};

struct Level {
  int64_t total;
  uint32_t count;
  uint32_t spare;
};

struct Order {
  uint64_t id;  // 0 = empty
  int64_t quantity;
  uint32_t tick;
  uint32_t side;
};

constexpr uint32_t kTicks = 1u << 22;

// Which ticks have a level; the lowest one is found in four steps.
class BitmapTree {
 public:
  BitmapTree() {
    for (uint32_t size = kTicks; size > 1; size = (size + 63) / 64) layers_.emplace_back((size + 63) / 64);
  }
  void set(uint32_t tick) {
    for (auto& layer : layers_) {
      uint64_t& word = layer[tick >> 6];
      bool was_empty = word == 0;
      word |= 1ull << (tick & 63);
      if (!was_empty) return;
      tick >>= 6;
    }
  }
  void clear(uint32_t tick) {
    for (auto& layer : layers_) {
      uint64_t& word = layer[tick >> 6];
      word &= ~(1ull << (tick & 63));
      if (word != 0) return;
      tick >>= 6;
    }
  }
  // kTicks where there is none.
  uint32_t first() const {
    if (layers_.back()[0] == 0) return kTicks;
    uint32_t at = 0;
    for (size_t layer = layers_.size(); layer-- > 0;) at = at * 64 + __builtin_ctzll(layers_[layer][at]);
    return at;
  }
  uint32_t next(uint32_t tick) const {
    for (uint32_t at = tick + 1; at < kTicks; at++) {
      uint64_t rest = layers_[0][at >> 6] >> (at & 63);
      if (rest != 0) return at + __builtin_ctzll(rest);
      at |= 63;
    }
    return kTicks;
  }

 private:
  std::vector<std::vector<uint64_t>> layers_;
};

// Ticks count from the middle of the range, upwards for asks and downwards for bids, so that lower is better.
struct Side {
  Level* levels = static_cast<Level*>(std::calloc(kTicks, sizeof(Level)));
  BitmapTree bitmap;
  uint32_t best = kTicks;
  int64_t base = 0;
};

class Book {
 public:
  uint64_t apply(const std::vector<Event>& events) {
    uint64_t refused = 0;
    for (const Event& event : events) refused += apply(event) ? 0 : 1;
    return refused;
  }

  void print_top(uint32_t levels) const {
    for (uint32_t side = 0; side < 2; side++) {
      uint32_t tick = sides_[side].best;
      for (uint32_t i = 0; i < levels && tick < kTicks; i++) {
        int64_t price = side == 0 ? sides_[0].base - int64_t(tick) : sides_[1].base + int64_t(tick);
        std::printf("%u %lld %lld ", side + 1, (long long)price, (long long)sides_[side].levels[tick].total);
        tick = sides_[side].bitmap.next(tick);
      }
    }
    std::printf("\n");
  }

 private:
  bool apply(const Event& event) {
    if (event.id == 0) return false;
    switch (event.action) {
      case 1:
        return add(event);
      case 2:
        return update(event);
      case 3:
        return remove(event);
      default:
        return false;
    }
  }

  bool add(const Event& event) {
    if (event.side < 1 || event.side > 2 || event.quantity <= 0) return false;
    if (live_ == 0) {
      // Half of the ticks lie on each side of the first price.
      sides_[0].base = event.price + kTicks / 2;
      sides_[1].base = event.price - kTicks / 2;
    }
    Side& side = sides_[event.side - 1];
    const Side& other = sides_[2 - event.side];
    int64_t tick = event.side == 1 ? side.base - event.price : event.price - side.base;
    if (tick < 0 || tick >= int64_t(kTicks)) return false;
    if ((live_ + 1) * 2 > table_.size()) grow();
    size_t at = probe(event.id);
    if (table_[at].id != 0) return false;
    if (other.best < kTicks) {
      int64_t opposite = event.side == 1 ? other.base + int64_t(other.best) : other.base - int64_t(other.best);
      if (event.side == 1 ? event.price >= opposite : event.price <= opposite) return false;
    }
    table_[at] = {event.id, event.quantity, uint32_t(tick), event.side};
    live_ += 1;
    Level& level = side.levels[tick];
    level.total += event.quantity;
    level.count += 1;
    if (level.count == 1) {
      side.bitmap.set(uint32_t(tick));
      if (tick < side.best) side.best = uint32_t(tick);
    }
    return true;
  }

  bool update(const Event& event) {
    Order& order = table_[probe(event.id)];
    if (order.id == 0) return false;
    sides_[order.side - 1].levels[order.tick].total += event.quantity - order.quantity;
    order.quantity = event.quantity;
    return true;
  }

  bool remove(const Event& event) {
    size_t at = probe(event.id);
    const Order order = table_[at];
    if (order.id == 0) return false;
    Side& side = sides_[order.side - 1];
    Level& level = side.levels[order.tick];
    level.total -= order.quantity;
    level.count -= 1;
    if (level.count == 0) {
      side.bitmap.clear(order.tick);
      if (order.tick == side.best) side.best = side.bitmap.first();
    }
    shift_back(at);
    live_ -= 1;
    return true;
  }

  size_t home(uint64_t id) const { return (id * 0x9e3779b97f4a7c15ull) >> shift_; }

  size_t probe(uint64_t id) const {
    size_t mask = table_.size() - 1;
    size_t at = home(id);
    while (table_[at].id != 0 && table_[at].id != id) at = (at + 1) & mask;
    return at;
  }

  void shift_back(size_t gap) {
    size_t mask = table_.size() - 1;
    for (size_t at = (gap + 1) & mask; table_[at].id != 0; at = (at + 1) & mask) {
      if (((at - home(table_[at].id)) & mask) < ((at - gap) & mask)) continue;
      table_[gap] = table_[at];
      gap = at;
    }
    table_[gap].id = 0;
  }

  void grow() {
    std::vector<Order> old;
    old.swap(table_);
    table_.resize(old.size() * 2);
    shift_ -= 1;
    for (const Order& order : old) {
      if (order.id != 0) table_[probe(order.id)] = order;
    }
  }

  std::vector<Order> table_ = std::vector<Order>(1 << 16);
  uint32_t shift_ = 48;
  size_t live_ = 0;
  Side sides_[2];
};

int main() {
  static Book book;
  std::vector<Event> events;
  for (int command; (command = std::getchar()) != EOF;) {
    uint32_t count = 0;
    if (std::fread(&count, sizeof count, 1, stdin) != 1) return 1;
    if (command == 'T') {
      book.print_top(count);
    } else {
      events.resize(count);
      if (std::fread(events.data(), sizeof(Event), count, stdin) != count) return 1;
      timespec before, after;
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
      uint64_t refused = book.apply(events);
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
      if (refused != 0) return 2;
      std::printf("%lld\n", (after.tv_sec - before.tv_sec) * 1000000000ll + after.tv_nsec - before.tv_nsec);
    }
    std::fflush(stdout);
  }
}
