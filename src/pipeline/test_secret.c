/* What is a secret and what is none: a table of command lines and texts.  In the wanted text `[...]` stands around each secret, OPEN and CLOSE
 * for brackets of its own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/macro.h"
#include "pipeline/secret.h"

#define OPEN "\1"
#define CLOSE "\2"

struct marking {
	struct span text;
	struct buffer out;
	size_t copied;
};

static void mark(void *user, size_t at, size_t size)
{
	struct marking *m = user;

	assert_true(size > 0 && at >= m->copied && at + size <= m->text.size);
	buffer_append(&m->out, m->text.data + m->copied, at - m->copied);
	buffer_append_byte(&m->out, '[');
	buffer_append(&m->out, m->text.data + at, size);
	buffer_append_byte(&m->out, ']');
	m->copied = at + size;
}

static void turn(struct buffer *text, const char *from, const char *to)
{
	for (size_t i = 0; i < text->size; i++)
		for (size_t k = 0; from[k]; k++)
			if (text->data[i] == from[k]) {
				text->data[i] = to[k];
				break;
			}
}

/* `|` between arguments, in lists. */
static void check(const char *wanted, enum secret_place place)
{
	struct marking m = { .copied = 0 };
	struct buffer text = { 0 }, marks = { 0 };
	bool is_list = secret_is_list(place);

	for (const char *p = wanted; *p; p++)
		if (*p != '[' && *p != ']')
			buffer_append_byte(&text, is_list && *p == '|' ? 0 : *p);
	if (is_list)
		buffer_append_byte(&text, 0);
	buffer_append_span(&marks, buffer_span(&text));		/* OPEN and CLOSE, where the text that is looked at has brackets */
	turn(&text, OPEN CLOSE, "[]");
	m.text = buffer_span(&text);
	secret_find(m.text, place, mark, &m);
	if (m.text.size > 0)
		buffer_append(&m.out, m.text.data + m.copied, m.text.size - m.copied);
	for (size_t i = 0, at = 0; i < m.out.size; i++) {
		if (at < marks.size && m.out.data[i] == text.data[at])
			m.out.data[i] = marks.data[at++];
		if (is_list && m.out.data[i] == 0)
			m.out.data[i] = i + 1 < m.out.size ? '|' : 0;
	}
	assert_string_equal(buffer_text(&m.out), wanted);
	buffer_release(&m.out);
	buffer_release(&marks);
	buffer_release(&text);
}

static void test_arguments(void **state)
{
	static const char *const wanted[] = {
		"tool|--password=[hunter2]|-v", "tool|--password|[hunter2]|-v", "tool|--password|[two words]", "tool|-password|[x1]",
		"tool|--password=[a&b;c d]", "tool|--db-password|[x1]|host", "tool|--rootpassword=[x1]", "tool|--token|[abc]", "tool|--api-key=[k1]",
		"tool|--secret=[s]|--client_secret=[s2]", "tool|--passphrase=[p]", "env|PGPASSWORD=[x y]|psql|-h|db", "PASSWORD=[x1]",
		"docker|run|-e|DB_PASS=[two words]|image", "tool|dbPass=[x1]", "aws|AWS_SECRET_ACCESS_KEY=[abc/def+g]",
		"tool|AccountKey=[abc==];EndpointSuffix=core", "plink|-pw|[x1]|host",
		"mysql|-uroot|-p[hunter2]|db", "/usr/bin/mysqldump|-p[x1]|--all", "sudo|mysql|-p[x1]", "sshpass|-p|[x1]|ssh|host",
		"sshpass|-p[x1]|ssh|-p|22|host", "curl|-u|user:[pa:ss]|http://h/", "curl|-uuser:[pass]|h", "curl|--user|user:[pass]|h",
		"curl|--user=user:[pass]|h", "curl|-H|Authorization: Bearer [abc.def]|h", "curl|-H|X-Api-Key: [abc def]|h",
		"curl|-H|Cookie: [a=b; c=d]|h", "curl|-d|user=joe&password=[x1]&n=1|h", "curl|-d|password=[x1]&user=joe|h",
		"curl|-d|{\"user\":\"joe\",\"password\":\"[x1]\",\"n\":1}|h", "redis-cli|-a|[x1]|ping", "ldapsearch|-x|-w|[x1]|-b|dc=x",
		"smbclient|-U|DOM\\joe%[x1]|//h/s", "docker|login|-u|joe|-p|[x1]|reg", "openssl|enc|-aes-256-cbc|-k|[x1]|-in|f",
		"openssl|rsa|-passin|pass:[x1]|-in|f", "zip|-P|[x1]|a.zip|f", "7z|x|-p[x1]|a.7z", "xfreerdp|/u:joe|/p:[x1]|/v:h",
		"useradd|-p|[$6$salt$hash]|joe", "nmcli|dev|wifi|connect|home|password|[x1]", "mount|-o|username=joe,password=[x1],vers=3|//h/s",
		"git|clone|https://joe:[x1]@example.org/r.git", "psql|postgresql://joe:[p@ss]@db:5432/x?sslmode=require",
		"wget|https://h/p?a=1&access_token=[abc]&b=2", "wget|https://h/p?token=[abc]#top", "git|clone|https://[ghp_0123456789abcdefghij]@h/r",
		"tool|[xoxb-0123456789-abcdefghijkl]", "sh|-c|mysql -uroot -p[hunter2] db; echo done",
		"sh|-c|PGPASSWORD=[x1] psql -h db", "sh|-c|sshpass -p '[a b]' ssh h", "ssh|host|curl -u joe:[x1] http://h/",
		"bash|-c|curl -H 'Authorization: Bearer [abc]' h", "sh|-c|sh -c \"mysql -p[x1]\"", "tool|--password|[$ecret]",
		"tool|--password=[x1]|--password=[x1]", "echo|\"password\": \"[a b]\"",
		/* All of what is left of the word. */
		"tool|--password=[ab,cd=hunter2]", "tool|--password=[ab&cd=hunter2]", "tool|--password=['a'hunter2]", "tool|--password=[\"a\"]|x",
		"PASSWORD=[\"a\"hunter2]", "tool|--cookie=[a=b; c=d]", "tool|Cookie:[a=b;c=d]", "tool|--password||host",
		/* Programs that are no programs. */
		"mysql|-h|mongo|-p[hunter2]", "mysqldump|db|docker|-p[hunter2]", "curl|-X|POST|https://ci.example/job/helm|-u|joe:[hunter2]",
		"curl|-T|/backups/zip|https://h/|-u|joe:[hunter2]", "mysql|-h|ssh|-p[hunter2]", "docker|run|--entrypoint|mysql|x|-p[hunter2]", "docker|run|--entrypoint=mysql|x|-p[hunter2]",
		"docker|exec|-it|mongo|mysql|-p[hunter2]", "docker|run|--rm|mongo|mongosh|-u|joe|-p|[hunter2]", "kubectl|exec|pod|--|mysql|-p[hunter2]",
		"sudo|-n|mysql|-p[hunter2]", "sudo|-u|mysql|mysqldump|-p[hunter2]", "env|A=b|mysql|-p[hunter2]", "xargs|-0|mysql|-p[hunter2]",
		"ssh|host|mysql|-p[hunter2]", "sshpass|-e|ssh|-p|22|host|mysql|-p[hunter2]", "sshpass|-e|mysql|-p[hunter2]", "find|.|-exec|mysql|-p[hunter2]",
		"nice|-n|10|/usr/bin/mysql|-p[hunter2]", "timeout|5|oc|login|-p|[hunter2]",
		/* Options in one word. */
		"curl|-sSu|joe:[hunter2]", "curl|-sku|admin:[hunter2]", "curl|-skuadmin:[hunter2]", "sh|-c|curl -su joe:[hunter2] h", "mysql|-Bp[hunter2]",
		"ldapsearch|-xw|[hunter2]", "ldapsearch|-xw[hunter2]", "zip|-rP|[hunter2]|a.zip|f", "curl|-HAuthorization: Bearer [hunter2]",
		"curl|-HCookie: [a=b; c=hunter2]", "curl|--header=Cookie: [a=b; c=hunter2]", "wget|--header=X-Api-Key: [abc hunter2]",
		"docker|run|-eDB_PASS=[two words]|image",
		/* Shells. */
		"sh|-c|mysql -p['it'\\''s hunter2'] db", "sh|-c|mysql -p['it'\"'\"'s hunter2'] db", "sh|-c|mysql -p[my\\ hunter2] db",
		"sh|-c|tool --password=[${PASSWORD:-hunter2}]", "sh|-c|curl -u $USER:[hunter2] h", "sh|-c|usermod -p [$6$salt$hash] joe",
		"sh|-c|tool --password \"$(mysql -p[hunter2] db)\"", "sh|-c|tool --password \\\n  [hunter2]",
		"mysql|-p[$hunter2]", "usermod|-p|[$6$salt$hash]|joe", "tool|Server=db;Pwd=[$hunter2]", "wget|http://h/p?password=[$hunter2]",
		/* Names. */
		"env|SSHPASS=[x1]|sshpass|-e|ssh|h", "tool|--dbpass=[x1]", "keytool|-storepass|[x1]|-keypass|[x2]|-list", "PASSWORD2=[x1]", "tool|--password1=[x1]",
		"curl|--oauth2-bearer|[x1]|h", "curl|--cookie|[a=x1; b=c]|h", "curl|-b|[a=x1]|h", "aws|configure|set|aws_secret_access_key|[x1]",
		"vault|write|auth/approle/login|role_id=r|secret_id=[x1]", "mysqlshow|-p[x1]", "mysqlslap|-p[x1]", "mariadb-check|-p[x1]|db", "redis-cli|-a[x1]|ping",
		"unzip|-P[x1]|a.zip", "zip|-P[x1]|a.zip|f",
		/* JSON. */
		"curl|-d|{\"password\" : \"[hunter2]\"}|h", "curl|-d|{\"password\" : \"[hunter2]\", \"n\" : 1}|h",
		"curl|-d|{\"password\":" OPEN "\"[hunter2]\"" CLOSE "}|h", "curl|-d|{\"password\": " OPEN "\"[a b]\", \"[c]\"" CLOSE ", \"n\": \"d\"}|h",
		"git|clone|https://joe:[it's]@h/", "git|commit|-m|password: [fix]|f",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		check(wanted[i], SECRET_ARGS);
}

static void test_no_arguments(void **state)
{
	static const char *const wanted[] = {
		"ssh|-p|22|host", "mkdir|-p|/x/y", "cp|-p|a|b", "ps|-p|1", "docker|run|-p|8080:80|image", "mysql|-p", "mysql|-P|3306|-h|db",
		"passwd|root", "cat|/etc/passwd", "grep|-r|password|/etc", "tool|--password-file=/run/p", "tool|--password-file|/run/p",
		"tool|--no-password|host", "tool|--password|-h|db", "tool|--ask-pass", "env|PWD=/root|OLDPWD=/x|ls", "curl|http://host:8080/path",
		"curl|-u|joe|http://h/", "scp|a|joe@host:/x", "git|clone|git@github.com:o/r", "ssh|ssh://git@host:22/r", "tool|--bypass=x|--compass|y",
		"tool|key=value", "wget|https://h/p?page=2", "systemctl|status|token-x", "openssl|rsa|-passin|file:/x|-passout|env:P",
		"openssl|rsa|-passin|stdin", "docker|run|-v|secret:/run/secret:ro|i", "docker|run|-v|/run/secret:/s|i",
		"tool|--password=<redacted:0123456789abcdef>", "curl|-u|joe:<redacted:0123456789abcdef>|h", "tool|--token|<redacted:0123456789abcdef>",
		"sh|-c|PASSWORD=$1 tool --password \"$PASSWORD\" --token=${T}", "tool|eyJ", "tool|ghp_short", "cryptsetup|--key-file|/x",
		"a", "", "-", "--", "=", ":", "://", "tool|--password", "tool|--password=", "a://b:c", "7z|x|-p",
		"docker|run|--name|mongo|-p|27017:27017|mongo", "docker|run|-d|--restart|always|-p|80:80|mysql", "sshpass|-e|ssh|-p|22|host",
		"mysql|-h|mongo|-p|db", "mysql|-hphost|-P|3306", "mysqldump|-B|prod|test", "curl|-b|cookies.txt|-sSo|out|http://u:80/", "curl|-sSL|-X|PUT|h",
		"curl|-HAccept: a; q=1|--header=Host: h|h", "tool|-e|a b=c", "git|commit|-m|fix the password prompt", "useradd|-m|-s|/bin/sh|joe",
		"sh|-c|mkdir -p \"$DIR\" && cp -p a b", "sh|-c|curl -u \"$USER:$PASS\" h; mysql -p$PW -p\"${PW}\" -p\"$(cat /x)\"",
		"sh|-c|tool --password $(cat /x) --password `cat /x` -v", "tool|{\"password\":{\"min\":8}}", "ls|bypass=1|compass=2|sha256=x|pass.txt",
		"aws|configure|get|aws_secret_access_key", "unzip|-p|a.zip|f",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		check(wanted[i], SECRET_ARGS);
}

static void test_texts(void **state)
{
	static const char *const wanted[] = {
		"mysql -uroot -p[hunter2] db", "tool --password [x1] -v", "tool --password '[a b]' -v", "tool --password=\"[a b]\" -v", "mysql -p'[a b]' -v",
		"export DB_PASSWORD=[x1]\nrun", "password = \"[x1]\"\n", "password: [x1]\n", "api_key: '[x1]'", "  token := [x1]",
		"connect(user=\"joe\", password=\"[a b]\", n=1)", "{\"user\":\"a b\",\"password\":\"[x1]\",\"z\":\"c d\"}",
		"echo \"{\\\"password\\\":\\\"[x1]\\\"}\" | curl h", "Server=db;Uid=joe;Pwd=[x1];Database=d", "http://joe:[x1]@h/p",
		"http://h/p?user=joe&password=[x1]&n=1", "Authorization: Bearer [abc]\nHost: h", "x=$(mysql -p[x1])", "Environment=API_TOKEN=[x1]",
		"url=https://joe:[x1]@h/", "it's --password=[x1] isn't it", "a\n#!/bin/sh\ncurl -u joe:[x1] h\n", "password=[$1] x",
		"password='[$ecret]'", "usermod -p [$6$salt$hash] joe", "mysql -p[$hunter2] db", "tool --password [$hunter2]", "Server=db;Pwd=[$hunter2];", "Server=db;Pwd=[hunter2];",
		"http://h/p?password=[$hunter2]", "https://joe:[it's]@h/", "curl -X POST \\\n  -u joe:[hunter2] \\\n http://h/", "mysql \\\n -uroot \\\n -p[hunter2]",
		"mysql\\\n -uroot\\\n -p[hunter2]\\\n db", "tool --password \\\n [hunter2]", "mysql -p['it'\\''s hunter2'] db", "mysql -p['it'\"'\"'s hunter2'] db",
		"mysql -p[my\\ hunter2] db", "tool --password=[my\\;hunter2] -v", "tool --password=[\"my\"hunter2] -v", "tool --password [\"my\"hunter2] -v",
		"PASSWORD=[\"my\"hunter2] tool", "PASSWORD=[my\"hunter 2\"] tool", "PASSWORD=[my\\ hunter2] tool", "sshpass -p [hun\\ ter2] ssh h",
		"curl -u joe:'[hun ter2]' h", "curl -u 'joe:[hun ter2]' h", "curl '-HCookie: [a=b; c=hunter2]' h", "curl -H'Cookie: [a=b; c=hunter2]' h",
		"tool --password=[ab,cd=hunter2]", "{\"password\" : \"[hunter2]\"}", "'password' => '[hunter2]',", "'password'=>'[hunter2]', 'n' => 'x'",
		"{\"password\":" OPEN "\"[hunter2]\"" CLOSE "}", "{\"password\": " OPEN " \"[a]\", \"[b]\" " CLOSE ", \"n\": " OPEN "\"c\"" CLOSE "}",
		"{\\\"password\\\":" OPEN "\\\"[hunter2]\\\"" CLOSE "}", "{\"url\":\"http://h/?password=[x1]\",\"n\":\"a b\"}",
		"Cookie: [a=b; c=hunter2]", "Cookie: [a=b; c=hunter2]\r\nHost: h", "Authorization: Digest [hunter2]", "Authorization: [Other hunter2]", "Cookie:[a=b; c=hunter2]",
		"curl -H Cookie: [a=b; c=hunter2] http://h/", "curl -H Authorization: Bearer [hunter2] http://h/", "{\"Authorization\": \"[Bearer x1]\", \"n\": 1}",
		"pw: [{SSHA}x1]", "\"--password=[x1]\",", "passwords: a", ": x", "= x", "<user password=\"[x1]\"/> <b pass='[a b]'>t</b>", "passwd root; grep password /etc/x", "say \"the password\" twice", "", "'", "\"", "\\", "a\\", "password=", "password:",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		check(wanted[i], SECRET_TEXT);
}

/* What a shell reads. */
static void test_scripts(void **state)
{
	static const char *const wanted[] = {
		"password=$1 token=$(cat f)", "PASSWORD=$1 tool --password \"$PASSWORD\" --token=${T} -p x", "tool --password $(cat f) -v", "PW=`cat f` tool",
		"password='[$ecret]'", "export DB_PASSWORD=[x1]\nrun", "curl -u $USER:[hunter2] h", "curl -u \"$USER:$PASS\" h", "PASSWORD=[${PASSWORD:-hunter2}]",
		"usermod -p '[$6$salt$hash]' joe", "usermod -p [$6$salt$hash] joe", "PASSWORD=[$A$B]", "tool --password \"$(tool --token [x1])\"",
		"connect(user => $user, password => $password, n => 1);", "curl -H \"Authorization: Bearer $TOKEN\" h", "http://joe:$PASS@h/",
		/* Comments. */
		"# don't print it\nexport DB_PASSWORD='[hunter2]'\nrun", "# don't print it\nmysql -p'[hunter2]' db", "a # don't\nmysql -p'[hunter2]' db",
		"# mysql -p[hunter2] isn't it\nmysql -p[x1]", "# password: [x1]\n", "#PASSWORD='[a b]'\n", "mysql -u joe # -p\n -px", "curl http://h/#it -u joe:[x1]",
		"case $1 in --password) PW=$2;; --password=*) PW=${1#*=};; esac", "PW=${A" OPEN "0" CLOSE "} PW=[${A:=x}] PW=[${A}b]", "Set-Cookie: [a=b; Path=/]\nnext line",
		"curl -H Cookie: [a=b; c=d] h", "PASSWORD=*** x", "(tool --password) x",
		"a=$# b=${#c} # it's\nmysql -p'[a b]'", "mysql \\\n  -p[hunter2] \\\n  db # it's\nmkdir -p x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		check(wanted[i], SECRET_SCRIPT);
}

static void test_headers(void **state)
{
	check("Host: h|X-Api-Key: [abc def]|Accept: */*", SECRET_HEADERS);
	check("Authorization: (not kept)|Referer: http://h/?token=[abc]&x=1", SECRET_HEADERS);
	check("Private-Token: [abc]|Via: 1.1 x", SECRET_HEADERS);
}

/* Bytes that make each step look far ahead or back. */
static void test_time_is_linear(void **state)
{
	static const char *const units[] = { "\"\\\"", "'", "\"", "a=", "password:", "--password ", "&a", "://", "a:", "ab ", "mysql -p ", "\\\"", "$(", "'\"", "x\" '", "# ", "\\\n", "Cookie:", "Cookie:a' '", "Cookie: bearer ",
					     "password:[\"", "password=a\"b\"", "password=\\\"", "--password=\"$(", "mysql curl zip -aaa" };
	enum { BYTES = 2 << 20 };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		struct marking m = { .copied = 0 };
		struct buffer text = { 0 };
		uint64_t began_ns;

		while (text.size < BYTES)
			buffer_append_text(&text, units[i]);
		m.text = buffer_span(&text);
		began_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		secret_find(m.text, SECRET_SCRIPT, mark, &m);
		began_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began_ns;
		print_message("%-12s %6.1f ms\n", units[i], (double)began_ns / 1e6);
		assert_true(began_ns < 10 * NS_PER_SEC);	/* a square of it would take minutes */
		buffer_release(&m.out);
		buffer_release(&text);
	}
}

/* Programs are looked for by halves. */
static void test_table_is_sorted(void **state)
{
	static const char *const programs[] = {
#define SECRET_OPTION(program, command, option, how, part) program,
#define SECRET_PLAIN(program) program,
#include "pipeline/secrets.def"
	};

	for (size_t i = 1; i < ARRAY_SIZE(programs); i++)
		if (strcmp(programs[i - 1], programs[i]) > 0)
			fail_msg("%s stands before %s", programs[i - 1], programs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_sorted), cmocka_unit_test(test_arguments), cmocka_unit_test(test_no_arguments), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_headers),	  cmocka_unit_test(test_time_is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
