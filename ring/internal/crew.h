// The threads of a pipeline.
#ifndef ANNULET_RING_INTERNAL_CREW_H_
#define ANNULET_RING_INTERNAL_CREW_H_

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/ring/handler.h"
#include "annulet/ring/step.h"
#include "annulet/ring/touch.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring::internal {

// A handler and the reader that it handles events of.
class Part {
 public:
  virtual ~Part() = default;
  virtual void run() = 0;
  virtual void stop() = 0;
  virtual const std::string& name() const = 0;
};

template <class Event, class Ring, class Reader, class Handler, class Wait>
class PartOf final : public Part {
 public:
  PartOf(Ring& ring, std::shared_ptr<Reader> reader, Step<Handler, Wait> step)
      : ring_(ring), reader_(std::move(reader)), step_(std::move(step)) {}

  void run() override {
    // What it returns halts the ring, whose failure() keeps it.
    Runner<Event, Ring, Reader, Handler, Wait>(ring_, *reader_, step_.handler, *step_.strategy,
                                               step_.options)
        .run()
        .IgnoreError();
  }
  void stop() override { reader_->stop(); }
  const std::string& name() const override { return step_.options.name; }

 private:
  Ring& ring_;
  const std::shared_ptr<Reader> reader_;
  Step<Handler, Wait> step_;
};

template <class Event, class Ring, class Reader, class Handler, class Wait>
std::unique_ptr<Part> make_part(Ring& ring, std::shared_ptr<Reader> reader,
                                Step<Handler, Wait> step) {
  return std::make_unique<PartOf<Event, Ring, Reader, Handler, Wait>>(ring, std::move(reader),
                                                                      std::move(step));
}

// One thread for each part. Any thread, but not the crew's own.
class Crew {
 public:
  void add(std::unique_ptr<Part> part);

  // Starts all threads. If one cannot be started, those that were must be ended by their ring.
  absl::Status start();

  // Starts one more. Returns a number to remove it by.
  absl::StatusOr<size_t> add_and_start(std::unique_ptr<Part> part);
  absl::Status remove(size_t id);

  bool was_started() const;
  bool is_running() const;

  // Waits until all threads have ended. Says by whom DeadlineExceeded is due.
  absl::Status wait(wait::Deadline until);

  // Waits until all threads have ended, and lets the parts go, the last one first.
  void disband();

 private:
  struct Member {
    size_t id;
    bool attached;
    bool ended = false;
    std::unique_ptr<Part> part;
    std::thread thread;
  };

  absl::Status launch(Member& member);

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  // Under mutex_. Members are removed by one thread at a time, under removing_, too.
  std::vector<std::unique_ptr<Member>> members_;
  std::mutex removing_;
  bool started_ = false;
  size_t next_id_ = 0;
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_CREW_H_
