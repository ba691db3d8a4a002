// Sells what a database says is there; the database answers when it likes.
#ifndef ANNULET_EXAMPLES_SIMULATION_SHOP_H_
#define ANNULET_EXAMPLES_SIMULATION_SHOP_H_

#include "annulet/task/task.h"

namespace annulet::examples {

class Database {
 public:
  virtual ~Database() = default;
  virtual task::Task<int> stock() = 0;
  virtual task::Task<void> set_stock(int stock) = 0;
  // Sets it unless it is not `before` any more. Whether it did.
  virtual task::Task<bool> replace_stock(int before, int after) = 0;
};

// False: sold out. With two customers at a time it sells the last piece twice.
inline task::Task<bool> sell_carelessly(Database& database) {
  const int stock = co_await database.stock();
  if (stock == 0) co_return false;
  co_await database.set_stock(stock - 1);
  co_return true;
}

inline task::Task<bool> sell(Database& database) {
  for (;;) {
    const int stock = co_await database.stock();
    if (stock == 0) co_return false;
    if (co_await database.replace_stock(stock, stock - 1)) co_return true;
  }
}

}  // namespace annulet::examples

#endif  // ANNULET_EXAMPLES_SIMULATION_SHOP_H_
