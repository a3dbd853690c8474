#pragma once
/* The few macros every file may use. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* <sys/param.h>, which some headers bring along, has the same two. */
#undef MIN
#undef MAX
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)

/* _cleanup_(f) T *p: f(&p) when p leaves its scope. */
#define _cleanup_(f) __attribute__((cleanup(f)))
/* Hands a pointer over: its value, and the variable is NULL from now on. */
#define TAKE(p)                              \
	({                                   \
		__typeof__(p) *take_ = &(p); \
		__typeof__(p) taken_ = *take_; \
		*take_ = NULL;               \
		taken_;                      \
	})
/* Defines T_freep for _cleanup_ from a destructor that accepts NULL. */
#define DEFINE_CLEANUP(type, free_function)                   \
	static inline void CONCAT(free_function, p)(type **p) \
	{                                                     \
		if (*p)                                       \
			free_function(*p);                    \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define NS_PER_SEC UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
