// What clang can check about coroutine types; other compilers know none of it.
#ifndef ANNULET_TASK_INTERNAL_ATTRIBUTES_H_
#define ANNULET_TASK_INTERNAL_ATTRIBUTES_H_

#if defined(__clang__)
// On a coroutine type: reference parameters bound to temporaries are reported at the call.
#define ANNULET_CORO_TYPE [[nodiscard, clang::coro_return_type, clang::coro_lifetimebound]]
#else
#define ANNULET_CORO_TYPE [[nodiscard]]
#endif

#endif  // ANNULET_TASK_INTERNAL_ATTRIBUTES_H_
