// A link of a list through its nodes that the model watches, in place of a plain pointer.
//
//   struct Node { model_check::Link<Node> next; };
//
// Use it for the `next` of the nodes of an intrusive structure under test: a link that is read
// while nothing orders that behind its writing is a data race.
// Threads: the model's own. Lifetime: inside a scenario.
#ifndef ANNULET_TESTING_LINK_H_
#define ANNULET_TESTING_LINK_H_

#include "annulet/testing/model_sync.h"

namespace annulet::model_check {

template <class Node>
class Link {
 public:
  Link& operator=(Node* node) {
    cell_.write() = node;
    return *this;
  }
  operator Node*() const { return cell_.read(); }  // NOLINT: reads like the pointer it replaces

 private:
  ModelSync::cell<Node*> cell_;
};

}  // namespace annulet::model_check

#endif  // ANNULET_TESTING_LINK_H_
