#pragma once
/* For tests: the memory of SQLite, from lists of freed pieces by size. Opening a database is mostly allocations, which the
 * sanitizer makes slow, and these tests open a thousand. What is not given back shows: n_pieces is another than before. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/macro.h"

#define PIECE_MIN_BITS 5
#define PIECE_MAX_BITS 30

union piece {
	struct {
		unsigned bits;
		int size;
	};
	union piece *next;		/* free */
	max_align_t aligned;
};

static union piece *free_pieces[PIECE_MAX_BITS + 1];
static unsigned n_pieces;		/* in use */
static unsigned pieces_until_none;	/* so many are given, then there is no memory for one; 0: there always is */

static inline void *piece_new(int size)
{
	size_t room = sizeof(union piece) + (size_t)size;
	unsigned bits = MAX(64u - (unsigned)__builtin_clzl(room - 1), PIECE_MIN_BITS);
	union piece *piece = free_pieces[bits];

	if (pieces_until_none > 0 && --pieces_until_none == 0)
		return NULL;
	if (piece)
		free_pieces[bits] = piece->next;
	else
		piece = malloc((size_t)1 << bits);
	if (!piece)
		return NULL;
	piece->bits = bits;
	piece->size = size;
	n_pieces++;
	return piece + 1;
}

static inline void piece_free(void *memory)
{
	union piece *piece = (union piece *)memory - 1;
	unsigned bits = piece->bits;

	piece->next = free_pieces[bits];
	free_pieces[bits] = piece;
	n_pieces--;
}

static inline int piece_size(void *memory)
{
	return ((union piece *)memory - 1)->size;
}

static inline void *piece_resize(void *memory, int size)
{
	void *resized = piece_new(size);

	if (!resized)
		return NULL;
	memcpy(resized, memory, (size_t)MIN(size, piece_size(memory)));
	piece_free(memory);
	return resized;
}

static inline int piece_round(int size)
{
	return (size + 7) & ~7;
}

static inline int piece_begin(void *user)
{
	(void)user;
	return SQLITE_OK;
}

static inline void piece_end(void *user)
{
	(void)user;
	for (unsigned i = 0; i < ARRAY_SIZE(free_pieces); i++)
		while (free_pieces[i]) {
			union piece *piece = free_pieces[i];

			free_pieces[i] = piece->next;
			free(piece);
		}
}

/* Before anything of SQLite is used. */
static inline void pieces_register(void)
{
	static const sqlite3_mem_methods methods = { piece_new, piece_free, piece_resize, piece_size, piece_round, piece_begin,
						     piece_end, NULL };

	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
