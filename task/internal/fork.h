// A fork of two tasks, and a worker's list of the forks whose second task nobody has begun.
//
// Below sched/fork_join_tasks.h. A fork lies in the frame of the task that makes it, the parent. It
// goes on the list of the worker, and control to the first task. When that ends it takes the fork
// off the list and control goes to the second task, which the parent then awaits: plain stores, no
// more. A fork may leave the list before, and is then released: its second task is posted as any
// other that is ready, and whichever of the two ends last resumes the parent (group.h). That is
// done to the oldest, when another worker asks for work, and to all as soon as control is back in
// the loop of the worker.
//
// Why the list is a stack, although tasks wait and move. Within one turn, a task that ends or waits
// gives control to its parent, to its sibling of a fork on the list, or to the loop. So whatever is
// on the list was put there by ancestors of the task that runs, in the order in which they nest;
// and the loop, to which control goes when anything waits, leaves nothing on it. (Only time depends
// on the order: a fork that is not found on top is released by the loop.)
//
// Why a task that ends first knows what has become of its sibling. It asks the list of the worker
// where it ends, and never the fork. A fork is on one list at most: where it is found, no other
// thread has seen it. Where it is not, it is released, or is about to be: its first task may have
// waited and gone on elsewhere before the worker's loop has come to the list. Both tasks are
// counted from the beginning, so either may end first, and the second has to before the frame goes.
//
// Cost: push and take_newest a few plain loads and stores.
// Threads: a list by its worker's; fork.group() as group.h says, the rest of a fork by the thread
// that has it on its list.
#ifndef ANNULET_TASK_INTERNAL_FORK_H_
#define ANNULET_TASK_INTERNAL_FORK_H_

#include <coroutine>
#include <cstddef>

#include "annulet/task/internal/group.h"
#include "annulet/wait/sync.h"

namespace annulet::task::internal {

class PromiseBase;

template <class Second, class Sync>
class BasicForkList;

template <class Sync>
class BasicForkLink {
 private:
  template <class Second, class S>
  friend class BasicForkList;

  typename Sync::template cell<BasicForkLink*> older_;
  typename Sync::template cell<BasicForkLink*> newer_;  // not kept by the newest
};

// Second: what the second task is (PromiseBase).
template <class Second, class Sync = wait::RealSync>
class BasicFork : public BasicForkLink<Sync> {
 public:
  using Group = BasicGroup<Sync>;

  BasicFork() {}

  void begin(std::coroutine_handle<> parent, Second& second) {
    group_.begin(parent, 2);
    second_.write() = &second;
  }

  Second& second() const { return *second_.read(); }
  // Whom the tasks leave once the fork is released.
  Group& group() { return group_; }

 private:
  Group group_;
  typename Sync::template cell<Second*> second_;
};

template <class Second, class Sync = wait::RealSync>
class BasicForkList {
 public:
  using Fork = BasicFork<Second, Sync>;

  BasicForkList() { end_.older_.write() = &end_; }
  BasicForkList(const BasicForkList&) = delete;
  BasicForkList& operator=(const BasicForkList&) = delete;

  bool empty() const { return end_.older_.read() == &end_; }

  void push(Fork& fork) {
    Link* const newest = end_.older_.read();
    fork.older_.write() = newest;
    newest->newer_.write() = &fork;
    end_.older_.write() = &fork;
  }

  // Takes `fork` off, if it is the newest.
  [[nodiscard]] bool take_newest(Fork& fork) {
    if (end_.older_.read() != &fork) return false;
    end_.older_.write() = fork.older_.read();
    return true;
  }

  // The oldest, or null.
  Fork* take_oldest() {
    if (empty()) return nullptr;
    Link* const oldest = end_.newer_.read();
    if (oldest == end_.older_.read()) {
      end_.older_.write() = &end_;
    } else {
      Link* const next = oldest->newer_.read();
      end_.newer_.write() = next;
      next->older_.write() = &end_;
    }
    return static_cast<Fork*>(oldest);
  }

  // How many there are, but no more than `most`.
  size_t count(size_t most) const {
    size_t counted = 0;
    for (const Link* link = end_.older_.read(); link != &end_ && counted < most;) {
      link = link->older_.read();
      ++counted;
    }
    return counted;
  }

 private:
  using Link = BasicForkLink<Sync>;

  Link end_;  // beyond the newest, which is its older one, and the oldest, which is its newer one
};

using Fork = BasicFork<PromiseBase>;
using ForkList = BasicForkList<PromiseBase>;

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_FORK_H_
