#include <string_view>

#include "check.h"

int main() {
  test_division();
  test_accounts();
  test_rates();
  test_limit();
  test_one_alone();
  test_two_in_turn();
  test_long_debts();
  test_returning();
  test_classes();
  test_limits();
  test_fixed_and_equal_share();
  test_absence();
  test_changes_take_effect();
  test_worker_lost();
  test_accounts_read();
  return g_failures == 0 ? 0 : 1;
}
