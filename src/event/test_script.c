#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "event/script.h"

static void test_scripts(void **state)
{
	static const struct {
		const char *program;
		const char *args;		/* with a blank between two */
		const char *script;		/* NULL: none */
	} cases[] = {
		{ "/usr/bin/dash", "sh run.sh", "run.sh" },
		{ "/usr/bin/dash", "sh -e /x/run.sh -c y", "/x/run.sh" },
		{ "/usr/bin/dash", "sh -c run.sh", NULL },
		{ "/usr/bin/dash", "sh -ec run.sh", NULL },
		{ "/usr/bin/dash", "sh", NULL },
		{ "/usr/bin/dash", "sh -", NULL },
		{ "/usr/bin/dash", "sh -s a b", NULL },
		{ "/usr/bin/dash", "sh -- -odd", "-odd" },
		{ "/usr/bin/dash", "sh --", NULL },
		{ "/usr/bin/bash", "-bash", NULL },
		{ "/usr/bin/bash", "bash -euo pipefail run.sh", "run.sh" },
		{ "/usr/bin/dash", "sh -oe pipefail run.sh", "run.sh" },
		{ "/usr/bin/bash", "bash +x -oe pipefail +e run.sh", "run.sh" },
		{ "/usr/bin/bash", "bash +x -O extglob run.sh", "run.sh" },
		{ "/usr/bin/zsh", "zsh -oerrexit run.sh arg", "run.sh" },
		{ "/usr/bin/zsh", "zsh -o errexit +oerrexit run.sh arg", "run.sh" },
		{ "/usr/bin/bash", "bash -o", NULL },
		{ "/usr/bin/bash", "bash --norc --rcfile /etc/rc run.sh", "run.sh" },
		{ "/usr/bin/bash", "bash --dump-strings run.sh", NULL },
		{ "/usr/bin/python3.11", "python3 -u run.py x", "run.py" },
		{ "/usr/bin/python3.11", "/usr/bin/python3 -W error -Xdev run.py", "run.py" },
		{ "/usr/bin/python3.11", "python3 -m http.server", NULL },
		{ "/usr/bin/python3.11", "python3 -Bc pass", NULL },
		{ "/usr/bin/python3.11", "python3 -", NULL },
		{ "/usr/bin/python3.11", "python3 -Z run.py", NULL },	/* not an option that is known */
		{ "/usr/bin/perl", "perl -w -Mstrict -I lib run.pl", "run.pl" },
		{ "/usr/bin/perl", "perl -i.bak -pe s/a/b/ file", NULL },
		{ "/usr/bin/ruby3.1", "ruby -rjson run.rb", "run.rb" },
		{ "/usr/bin/node", "node --require=x --import y run.js", "run.js" },
		{ "/usr/bin/node", "node -e 1 run.js", NULL },
		{ "/usr/bin/node", "node --unheard-of run.js", NULL },
		{ "/usr/bin/php8.2", "php -d a=b run.php", "run.php" },
		{ "/usr/bin/php8.2", "php -r run.php", NULL },
		{ "/usr/bin/lua5.4", "lua -e x run.lua", "run.lua" },
		{ "/bin/busybox", "sh run.sh", "run.sh" },
		{ "/bin/busybox", "busybox sh", NULL },
		{ "/bin/cat", "sh run.sh", NULL },		/* whatever it calls itself */
		{ "/usr/bin/sh bash", "sh run.sh", NULL },
		{ "/usr/bin/3", "sh run.sh", NULL },
		{ "", "sh run.sh", NULL },
		{ "/usr/bin/dash", "", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span script = { NULL, 0 };
		char args[128];
		size_t size = strlen(cases[i].args);

		memcpy(args, cases[i].args, size + 1);
		for (size_t k = 0; k < size; k++)
			if (args[k] == ' ')
				args[k] = 0;
		if (script_of(span_of(cases[i].program), (struct span){ args, size ? size + 1 : 0 }, &script) != !!cases[i].script)
			fail_msg("%s: %s: %.*s", cases[i].program, cases[i].args, (int)script.size, script.data);
		if (cases[i].script && !span_eq(script, span_of(cases[i].script)))
			fail_msg("%s: %.*s", cases[i].args, (int)script.size, script.data);
	}
}

/* An argument that is empty is no file. */
static void test_empty(void **state)
{
	struct span script;

	assert_false(script_of(SPAN("/bin/sh"), SPAN("sh\0\0x\0"), &script));
	assert_false(script_of(SPAN("/bin/sh"), SPAN("sh\0--\0\0"), &script));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
