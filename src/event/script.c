/* See script.h.  A line an interpreter: which of its options take the next argument, and which say that there is no script.  An option
 * that the line does not have ends the search: nothing is said then. */

#include "event/script.h"

#include <string.h>

#include "base/macro.h"
#include "base/path.h"
#include "event/values.h"

struct interpreter {
	const char *names;		/* each between blanks; a version may follow (python3.11) */
	const char *flags;		/* letters without an argument; an option may have several of them (-eu) */
	const char *values;		/* letters with one: the rest of the option, or the next argument */
	const char *next;		/* letters with one that is the next argument, whatever letters follow (-oe pipefail) */
	const char *attached;		/* letters with one that is the rest of the option, or none */
	const char *no_script;		/* letters: the program is given otherwise */
	const char *long_flags;		/* options that begin with two dashes, each between blanks */
	const char *long_values;	/* those whose argument is the next one; `--a=b` has its own */
};

static const struct interpreter interpreters[] = {
	{ .names = " ksh mksh yash zsh ", .flags = "aefhiklmnprtuvxbBCEHPTIVd", .values = "oO", .no_script = "cs",
	  .long_flags = " --posix --norc --noprofile --login --noediting --restricted --verbose --debugger ",
	  .long_values = " --rcfile --init-file " },
	{ .names = " sh bash dash ash ", .flags = "aefhiklmnprtuvxbBCEHPTIVd", .next = "oO", .no_script = "cs",
	  .long_flags = " --posix --norc --noprofile --login --noediting --restricted --verbose --debugger ",
	  .long_values = " --rcfile --init-file " },
	{ .names = " python pypy ", .flags = "bBdEiIOPqRsSuvx", .values = "WX", .no_script = "cmhV",
	  .long_values = " --check-hash-based-pycs " },
	{ .names = " perl ", .flags = "acfnpstTuUwWX", .values = "I", .attached = "0CdDFilmMx", .no_script = "eEShvV" },
	{ .names = " ruby jruby ", .flags = "acdlnpsvwy", .values = "IrE", .attached = "0FiKTWx", .no_script = "eSCXh",
	  .long_flags = " --yjit --jit --disable-gems --verbose --debug " },
	{ .names = " node nodejs ", .flags = "ci", .values = "rC", .no_script = "ephv",
	  .long_flags = " --check --trace-warnings --no-warnings --expose-gc --enable-source-maps --experimental-modules --no-deprecation ",
	  .long_values = " --require --import --loader --experimental-loader --conditions --max-old-space-size " },
	{ .names = " php ", .flags = "anqCeH", .values = "cdzt", .no_script = "rBRFEfSiml" },
	{ .names = " lua luajit texlua ", .flags = "ivEW", .values = "el", .attached = "jbO" },
	{ .names = " tclsh wish expect ", .values = "" },
};

static bool is_word_of(const char *words, struct span word)
{
	const char *at = words;

	while (at && word.size > 0 && (at = memmem(at, strlen(at), word.data, word.size))) {
		if (at[-1] == ' ' && at[word.size] == ' ')	/* words begin and end with one */
			return true;
		at++;
	}
	return false;
}

static bool is_letter_of(const char *letters, char letter)
{
	return letters && letter && strchr(letters, letter);
}

/* python3.11, lua5.4, perl5.36.0, ksh93 */
static struct span without_version(struct span name)
{
	while (name.size > 0 && ((name.data[name.size - 1] >= '0' && name.data[name.size - 1] <= '9') || name.data[name.size - 1] == '.'))
		name.size--;
	return name;
}

static const struct interpreter *find(struct span program, struct span name)
{
	struct span is = path_last(program);

	/* One program of many names: which one it is, it sees by its first argument. */
	if (span_eq(is, SPAN("busybox")) || span_eq(is, SPAN("toybox")))
		is = path_last(name);
	is = without_version(is);
	for (size_t i = 0; is.size > 0 && !memchr(is.data, ' ', is.size) && i < ARRAY_SIZE(interpreters); i++)
		if (is_word_of(interpreters[i].names, is))
			return &interpreters[i];
	return NULL;
}

enum option { OPTION_ALONE, OPTION_WITH_NEXT, OPTION_NO_SCRIPT };

static enum option read_long(const struct interpreter *interpreter, struct span option)
{
	if (memchr(option.data, ' ', option.size))
		return OPTION_NO_SCRIPT;
	if (is_word_of(interpreter->long_values, option))
		return OPTION_WITH_NEXT;
	if (is_word_of(interpreter->long_flags, option))
		return OPTION_ALONE;
	if (memchr(option.data, '=', option.size)) {
		option.size = (size_t)((const char *)memchr(option.data, '=', option.size) - option.data);
		if (is_word_of(interpreter->long_values, option))
			return OPTION_ALONE;
	}
	return OPTION_NO_SCRIPT;
}

static enum option read_letters(const struct interpreter *interpreter, struct span letters)
{
	enum option option = OPTION_ALONE;

	for (size_t i = 0; i < letters.size; i++) {
		char letter = letters.data[i];

		if (is_letter_of(interpreter->next, letter)) {
			option = OPTION_WITH_NEXT;
			continue;
		}
		if (is_letter_of(interpreter->values, letter))
			return i + 1 == letters.size ? OPTION_WITH_NEXT : OPTION_ALONE;
		if (is_letter_of(interpreter->attached, letter))
			return OPTION_ALONE;
		if (!is_letter_of(interpreter->flags, letter))
			return OPTION_NO_SCRIPT;
	}
	return option;
}

bool script_of(struct span program, struct span args, struct span *ret)
{
	const struct interpreter *interpreter;
	struct span arg;

	if (!list_next(&args, &arg))
		return false;
	interpreter = find(program, arg);
	while (interpreter && list_next(&args, &arg)) {
		bool is_plus = arg.size > 0 && arg.data[0] == '+' && (is_letter_of(interpreter->next, 'o') || is_letter_of(interpreter->values, 'o')), is_end;
		enum option option;

		if (arg.size == 0 || (arg.data[0] != '-' && !is_plus)) {
			*ret = arg;
			return arg.size > 0;
		}
		if (arg.size == 1)	/* what is told by a pipe */
			return false;
		is_end = span_eq(arg, SPAN("--"));
		if (is_end)
			return list_next(&args, ret) && ret->size > 0;
		option = arg.data[1] == '-' ? read_long(interpreter, arg) :
					      read_letters(interpreter, (struct span){ arg.data + 1, arg.size - 1 });
		if (option == OPTION_NO_SCRIPT || (option == OPTION_WITH_NEXT && !list_next(&args, &arg)))
			return false;
	}
	return false;
}
