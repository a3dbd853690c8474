/* PCRE2 with JIT. Patterns come from people and subjects from whoever runs a program, so both are hostile:
 * the pattern is bounded in length, nesting and compiled size, and a match in steps and memory (pcre2api(3),
 * "The match context"). Where memory may not be made executable the JIT is missing and the interpreter does
 * the same work.
 *
 * `.` matches a newline and `$` only the very end: paths and arguments are not lines, and a newline in a
 * file's name must not carry it past a rule. */

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>

#include "filter/pattern.h"
#include "filter/pattern_text.h"

#define TEXT_MAX 4096
#define NEST_MAX 50
#define STEPS_MAX 100000		/* about a millisecond */
#define HEAP_MAX_KIB 1024

struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	size_t bytes;
	uint64_t given_up;
	char required[PATTERN_TEXT_MAX];
	size_t n_required;
};

struct pattern *pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return NULL;
	pcre2_match_context_free(pattern->context);
	pcre2_match_data_free(pattern->data);
	pcre2_code_free(pattern->code);
	free(pattern);
	return NULL;
}

static uint32_t options(struct span text, bool fold_case)
{
	uint32_t flags = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;

	if (fold_case)
		flags |= PCRE2_CASELESS;
	/* Only a pattern with letters beyond ASCII needs to know of characters; subjects may be any bytes. */
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return flags | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
	return flags | PCRE2_NEVER_UTF;
}

static int compile(struct pattern *pattern, struct span text, bool fold_case, struct filter_error *error)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	size_t size = 0, jit_size = 0, offset;
	int code;

	if (!context)
		return -ENOMEM;
	pcre2_set_parens_nest_limit(context, NEST_MAX);
	pattern->code = pcre2_compile((PCRE2_SPTR)text.data, text.size, options(text, fold_case), &code,
				      &offset, context);
	pcre2_compile_context_free(context);
	if (!pattern->code) {
		PCRE2_UCHAR why[128];

		if (pcre2_get_error_message(code, why, sizeof(why)) < 0)
			why[0] = '\0';
		return filter_fail(error, "bad regular expression %s: %s at character %zu", quote(text).text,
				   (const char *)why, offset + 1);
	}
	(void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
	pcre2_pattern_info(pattern->code, PCRE2_INFO_SIZE, &size);
	pcre2_pattern_info(pattern->code, PCRE2_INFO_JITSIZE, &jit_size);
	pattern->bytes = size + jit_size;
	if (pattern->bytes > PATTERN_BYTES_MAX)
		return filter_fail(
			error, "regular expression %s is too large: it takes %zu KiB, at most %u are allowed",
			quote(text).text, pattern->bytes >> 10, PATTERN_BYTES_MAX >> 10);
	return 0;
}

int pattern_new(struct pattern **ret, struct span text, bool fold_case, struct filter_error *error)
{
	_cleanup_(pattern_freep) struct pattern *pattern = calloc(1, sizeof(*pattern));
	int r;

	if (!pattern)
		return -ENOMEM;
	if (text.size == 0)
		return filter_fail(error, "the regular expression is empty");
	if (text.size > TEXT_MAX)
		return filter_fail(error, "regular expression %s is longer than %d bytes", quote(text).text,
				   TEXT_MAX);
	r = compile(pattern, text, fold_case, error);
	if (r < 0)
		return r;
	pattern->data = pcre2_match_data_create(2, NULL);
	pattern->context = pcre2_match_context_create(NULL);
	if (!pattern->data || !pattern->context)
		return -ENOMEM;
	pcre2_set_match_limit(pattern->context, STEPS_MAX);
	pcre2_set_heap_limit(pattern->context, HEAP_MAX_KIB);
	pattern->n_required = pattern_required_text(text, pattern->required);
	for (size_t i = 0; fold_case && i < pattern->n_required; i++)
		if (pattern->required[i] >= 'A' && pattern->required[i] <= 'Z')
			pattern->required[i] = (char)(pattern->required[i] | 0x20);
	*ret = TAKE(pattern);
	return 0;
}

bool pattern_match(struct pattern *pattern, struct span subject)
{
	int r = pcre2_match(pattern->code, (PCRE2_SPTR)(subject.data ? subject.data : ""), subject.size, 0, 0,
			    pattern->data, pattern->context);

	pattern->given_up += r < 0 && r != PCRE2_ERROR_NOMATCH;
	return r >= 0;
}

bool pattern_find(struct pattern *pattern, struct span subject, size_t from, struct span *ret, size_t *ret_end)
{
	int r = pcre2_match(pattern->code, (PCRE2_SPTR)(subject.data ? subject.data : ""), subject.size, from, PCRE2_NOTEMPTY,
			    pattern->data, pattern->context);
	const size_t *at = pcre2_get_ovector_pointer(pattern->data);
	unsigned group;

	pattern->given_up += r < 0 && r != PCRE2_ERROR_NOMATCH;
	if (r < 0)
		return false;
	group = r != 1 && at[2] != PCRE2_UNSET ? 1 : 0;	/* 0: it has more groups than there is room for */
	if (at[2 * group + 1] < at[2 * group] || at[1] < at[0])	/* \K in a look-ahead */
		return false;
	*ret = (struct span){ subject.data + at[2 * group], at[2 * group + 1] - at[2 * group] };
	*ret_end = at[1];
	return true;
}

uint64_t pattern_given_up(const struct pattern *pattern)
{
	return pattern->given_up;
}

size_t pattern_bytes(const struct pattern *pattern)
{
	return pattern->bytes;
}

struct span pattern_required(const struct pattern *pattern)
{
	return (struct span){ pattern->required, pattern->n_required };
}
