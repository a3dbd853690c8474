/* Records that are events of their own. */

#include "decode/test_draft.h"

#define USER "pid=100 uid=0 auid=1000 ses=3 subj=system_u:system_r:x "
#define TAIL " exe=\"/usr/sbin/sshd\" hostname=h.example addr=10.0.0.9 terminal=ssh res=success'"

struct self_case {
	const char *record;
	uint16_t kind;
	struct {
		const char *member, *value;
	} fields[10];
};

static const struct self_case cases[] = {
	{ "USER_LOGIN " USER "msg='op=login id=1000" TAIL "\x1dUID=\"root\" AUID=\"alice\" ID=\"alice\"",
	  KIND_ID(security, login),
	  { { "outcome", "success" },
	    { "user_target_id", "1000" },
	    { "user_target_name", "alice" },
	    { "source_ip", "10.0.0.9" },
	    { "source_domain", "h.example" },
	    { "terminal", "ssh" },
	    { "executable", "/usr/sbin/sshd" },
	    { "auid_name", "alice" },
	    { "user_name", "root" },
	    { "auth_method", "login" } } },
	{ "USER_LOGIN pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=28696E76616C6964207573657229 "
	  "exe=\"/usr/sbin/sshd\" hostname=? addr=fe80::1 terminal=sshd res=failed'",
	  KIND_ID(security, login_failed),
	  { { "outcome", "failure" },
	    { "user_target_name", "(invalid user)" },
	    { "source_ip", "fe800000000000000000000000000001" },
	    { "source_domain", NULL },
	    { "auid_name", "unset" },
	    { "auid", "4294967295" } } },
	{ "USER_LOGOUT " USER "msg='op=login id=1000" TAIL,
	  KIND_ID(security, logoff),
	  { { "user_target_id", "1000" } } },
	{ "USER_START " USER "msg='op=PAM:session_open grantors=pam_unix,pam_systemd acct=\"alice\"" TAIL,
	  KIND_ID(security, session_start),
	  { { "auth_method", "PAM:session_open" },
	    { "auth_grantors", "pam_unix,pam_systemd" },
	    { "user_target_name", "alice" },
	    { "pid", "100" },
	    { "auid", "1000" },
	    { "ses", "3" },
	    { "subject_context", "system_u:system_r:x" },
	    { "security_operation", NULL },
	    { "uid", "0" } } },
	{ "USER_END user pid=13015 uid=0 auid=0 subj=s msg='PAM: session close acct=root : exe=\"/usr/sbin/crond\" "
	  "(hostname=?, addr=?, terminal=cron res=success)'",
	  KIND_ID(security, session_end),
	  { { "auth_method", "PAM:session close" },
	    { "user_target_name", "root" },
	    { "terminal", "cron" },
	    { "executable", "/usr/sbin/crond" },
	    { "outcome", "success" },
	    { "source_ip", NULL } } },
	{ "LOGIN pid=2288 uid=0 subj=s old-auid=4294967295 auid=42 tty=(none) old-ses=4294967295 ses=1 res=1",
	  KIND_ID(security, session_start),
	  { { "pid", "2288" },
	    { "auid", "42" },
	    { "ses", "1" },
	    { "session_old_auid", "4294967295" },
	    { "session_old_ses", "4294967295" },
	    { "user_target_id", "42" },
	    { "outcome", "success" },
	    { "tty", NULL } } },
	{ "LOGIN login pid=6513 uid=0 old auid=5 new auid=7 old ses=1 new ses=2",
	  KIND_ID(security, session_start),
	  { { "auid", "7" }, { "session_old_auid", "5" }, { "ses", "2" }, { "session_old_ses", "1" } } },
	{ "USER_AUTH " USER
	  "msg='op=PAM:authentication acct=\"root\" exe=\"/bin/su\" hostname=? addr=? terminal=pts/1 "
	  "res=failed'",
	  KIND_ID(security, authentication),
	  { { "outcome", "failure" }, { "auth_method", "PAM:authentication" } } },
	{ "USER_ACCT " USER "msg='pam_tally2 uid=1004 reset=0" TAIL,
	  KIND_ID(security, authentication),
	  { { "user_target_id", "1004" }, { "uid", "0" } } },
	{ "USER_ERR " USER
	  "msg='op=PAM:bad_ident grantors=? acct=\"?\" exe=\"/x\" hostname=? addr=? terminal=ssh "
	  "res=failed'",
	  KIND_ID(security, authentication),
	  { { "user_target_name", NULL }, { "auth_grantors", NULL }, { "outcome", "failure" } } },
	{ "CRED_DISP " USER "msg='op=PAM:setcred acct=\"a\"" TAIL,
	  KIND_ID(security, authentication),
	  { { "code", "CRED_DISP" } } },
	{ "USER_CMD " USER "msg='cwd=\"/root\" cmd=2F62696E2F6C73202D6C terminal=pts/0 res=success'",
	  KIND_ID(security, sudo),
	  { { "security_command", "/bin/ls -l" }, { "cwd", "/root" }, { "terminal", "pts/0" } } },
	{ "USER_CHAUTHTOK " USER "msg='op=PAM:chauthtok acct=\"charlie\"" TAIL,
	  KIND_ID(security, password_change),
	  { { "user_target_name", "charlie" }, { "auth_method", "PAM:chauthtok" } } },
	{ "ADD_USER " USER "msg='op=adding user id=1004" TAIL,
	  KIND_ID(security, user_add),
	  { { "security_operation", "adding user" },
	    { "user_target_id", "1004" },
	    { "auth_method", NULL } } },
	{ "DEL_USER " USER "msg='op=delete-user acct=\"bob\" id=1004" TAIL,
	  KIND_ID(security, user_delete),
	  { { "user_target_name", "bob" } } },
	{ "USER_MGMT " USER "msg='op=add-user-to-group grp=\"sudo\" acct=\"bob\"" TAIL,
	  KIND_ID(security, user_modify),
	  { { "user_target_name", "bob" }, { "group_target_name", "sudo" } } },
	{ "ADD_GROUP " USER "msg='op=add-group acct=\"frodo\"" TAIL,
	  KIND_ID(security, group_add),
	  { { "group_target_name", "frodo" }, { "user_target_name", NULL } } },
	{ "DEL_GROUP " USER "msg='op=del id=77" TAIL "\x1dUID=\"root\" AUID=\"alice\" ID=\"frodo\"",
	  KIND_ID(security, group_delete),
	  { { "group_target_id", "77" }, { "user_target_id", NULL }, { "group_target_name", "frodo" } } },
	{ "GRP_MGMT " USER "msg='op=add grp=\"adm\" acct=\"bob\"" TAIL,
	  KIND_ID(security, group_modify),
	  { { "group_target_name", "adm" }, { "user_target_name", "bob" } } },
	{ "USER_ROLE_CHANGE user pid=1 uid=0 auid=5 msg='newrole: old-context=staff_u:staff_r:staff_t "
	  "new-context=staff_u:sysadm_r:sysadm_t: exe=\"/usr/bin/newrole\" (hostname=?, addr=?, terminal=/dev/pts/1 "
	  "res=success)'",
	  KIND_ID(security, user_modify),
	  { { "security_scontext", "staff_u:staff_r:staff_t" },
	    { "security_tcontext", "staff_u:sysadm_r:sysadm_t" },
	    { "terminal", "/dev/pts/1" },
	    { "executable", "/usr/bin/newrole" } } },
	{ "SERVICE_START pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=auditd comm=\"systemd\" "
	  "exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success'",
	  KIND_ID(system, service_start),
	  { { "system_unit", "auditd" },
	    { "name", "systemd" },
	    { "terminal", NULL },
	    { "outcome", "success" } } },
	{ "SERVICE_STOP pid=1 uid=0 msg='unit=x comm=\"systemd\" res=failed'",
	  KIND_ID(system, service_stop),
	  { { "outcome", "failure" } } },
	{ "SYSTEM_BOOT pid=1 uid=0 msg=' comm=\"systemd-update-utmp\" res=success'",
	  KIND_ID(system, boot),
	  { { "name", "systemd-update-utmp" } } },
	{ "SYSTEM_SHUTDOWN pid=1 uid=0 msg=' comm=\"s\" res=success'",
	  KIND_ID(system, shutdown),
	  { { "name", "s" } } },
	{ "DAEMON_START op=start ver=2.8.5 format=raw auid=4294967295 pid=1643 uid=0 ses=4294967295 subj=s res=success",
	  KIND_ID(security, audit_config),
	  { { "security_subsystem", "audit" },
	    { "security_operation", "start" },
	    { "pid", "1643" },
	    { "outcome", "success" } } },
	{ "DAEMON_END auditd normal halt, sending auid=? pid=? subj=? res=success",
	  KIND_ID(security, audit_config),
	  { { "pid", NULL },
	    { "auid", NULL },
	    { "subject_context", NULL },
	    { "auditd_message", "auditd normal halt, sending auid=? pid=? subj=? res=success" } } },
	{ "CONFIG_CHANGE op=set audit_backlog_limit=8192 old=64 auid=0 ses=1 res=1",
	  KIND_ID(security, audit_config),
	  { { "security_operation", "set" },
	    { "security_object", "audit_backlog_limit=8192" },
	    { "auid", "0" } } },
	{ "CONFIG_CHANGE auid=0 ses=1 op=add_rule key=\"x\" list=4 res=0",
	  KIND_ID(security, audit_config),
	  { { "security_object", "x" }, { "outcome", "failure" }, { "auditd_key", NULL } } },
	{ "FEATURE_CHANGE ver=1 auid=0 ses=1 feature=loginuid_immutable old=0 new=1 old_lock=0 new_lock=0 res=1",
	  KIND_ID(security, audit_config),
	  { { "security_object", "loginuid_immutable" } } },
	{ "NETFILTER_CFG table=filter:5 family=2 entries=4 op=nft_register_rule pid=9 subj=s comm=\"nft\"",
	  KIND_ID(security, audit_config),
	  { { "security_subsystem", "netfilter" },
	    { "security_object", "filter:5" },
	    { "pid", "9" },
	    { "name", "nft" },
	    { "security_operation", "nft_register_rule" } } },
	{ "MAC_POLICY_LOAD auid=0 ses=1 lsm=selinux res=1",
	  KIND_ID(security, audit_config),
	  { { "security_subsystem", "selinux" } } },
	{ "MAC_STATUS enforcing=0 old_enforcing=1 auid=0 ses=1 enabled=1 old-enabled=1 lsm=selinux res=1",
	  KIND_ID(security, audit_config),
	  { { "security_object", "enforcing=0" } } },
	{ "INTEGRITY_DATA pid=5 uid=0 auid=0 ses=1 subj=s op=appraise_data cause=invalid-hash comm=\"bash\" "
	  "name=\"/bin/evil\" dev=\"dm-0\" ino=7 res=0",
	  KIND_ID(security, audit_config),
	  { { "security_subsystem", "integrity" },
	    { "security_operation", "appraise_data" },
	    { "security_object", "/bin/evil" },
	    { "outcome", "failure" },
	    { "name", "bash" } } },
	{ "EVENT_LISTENER pid=7 uid=0 auid=0 tty=pts1 ses=1 subj=s comm=\"r\" exe=\"/r\" nl-mcgrp=1 op=connect res=1",
	  KIND_ID(security, audit_config),
	  { { "tty", "pts1" }, { "executable", "/r" }, { "security_operation", "connect" } } },
	{ "AVC avc:  denied  { read write } for  pid=5 comm=\"p\" name=\"maildrop\" dev=hda7 ino=9 "
	  "scontext=a:b:c:s0 tcontext=d:e:f:s0 tclass=dir permissive=0",
	  KIND_ID(security, mac_denied),
	  { { "outcome", "failure" },
	    { "security_permission", "read write" },
	    { "security_object", "maildrop" },
	    { "security_scontext", "a:b:c:s0" },
	    { "security_tcontext", "d:e:f:s0" },
	    { "security_tclass", "dir" },
	    { "security_subsystem", "selinux" },
	    { "pid", "5" } } },
	{ "AVC avc:  denied  { open } for  pid=5 comm=\"p\" path=\"/etc/x\" dev=\"dm-0\" scontext=a tcontext=b tclass=file "
	  "permissive=1",
	  KIND_ID(security, mac_denied),
	  { { "outcome", "success" }, { "security_object", "/etc/x" } } },
	{ "AVC avc:  granted  { setenforce } for  pid=5 scontext=a tcontext=b tclass=security",
	  KIND_ID(security, mac_denied),
	  { { "outcome", "success" }, { "security_permission", "setenforce" } } },
	{ "AVC apparmor=\"DENIED\" operation=\"open\" class=\"file\" profile=\"p\" name=2F612062 pid=5 comm=\"c\" "
	  "requested_mask=\"rw\" denied_mask=\"w\" fsuid=0 ouid=0",
	  KIND_ID(security, mac_denied),
	  { { "security_subsystem", "apparmor" },
	    { "security_operation", "open" },
	    { "security_object", "/a b" },
	    { "security_permission", "w" },
	    { "security_scontext", "p" },
	    { "outcome", "failure" },
	    { "fsuid", "0" } } },
	{ "AVC apparmor=\"STATUS\" operation=\"profile_load\" info=\"same as before\" profile=\"u\" name=\"n\" pid=5",
	  KIND_ID(security, audit_config),
	  { { "security_object", "n" }, { "outcome", "success" } } },
	{ "AVC lsm=SMACK fn=smack_inode_permission action=denied subject=\"x\" object=\"y\" requested=r pid=5 comm=\"c\"",
	  KIND_ID(security, mac_denied),
	  { { "security_subsystem", "SMACK" },
	    { "security_permission", "r" },
	    { "security_scontext", "x" },
	    { "security_tcontext", "y" },
	    { "outcome", "failure" } } },
	{ "USER_AVC user pid=2350 uid=81 auid=4294967295 subj=s msg='avc:  denied  { send_msg } for "
	  "msgtype=method_call interface=o.N member=state dest=o.N spid=6868 tpid=2797 scontext=a tcontext=b tclass=dbus "
	  ": exe=\"/bin/dbus-daemon\" (sauid=81, hostname=?, addr=?, terminal=?)'",
	  KIND_ID(security, mac_denied),
	  { { "security_permission", "send_msg" },
	    { "security_object", "o.N" },
	    { "target_pid", "2797" },
	    { "executable", "/bin/dbus-daemon" },
	    { "security_tclass", "dbus" },
	    { "pid", "2350" } } },
	{ "LANDLOCK_ACCESS domain=195ba459b blockers=fs.refer path=\"/usr/bin\" dev=\"vda2\" ino=351",
	  KIND_ID(security, mac_denied),
	  { { "security_subsystem", "landlock" },
	    { "security_permission", "fs.refer" },
	    { "security_object", "/usr/bin" } } },
	{ "SECCOMP auid=1 uid=2 gid=3 ses=4 subj=s pid=5 comm=\"c\" exe=\"/c\" sig=31 arch=40000003 syscall=132 compat=0 "
	  "ip=0xb7 code=0x80000000",
	  KIND_ID(security, seccomp),
	  { { "security_syscall", "getpgid" },
	    { "security_signal", "31" },
	    { "security_operation", "kill_process" },
	    { "outcome", "failure" },
	    { "executable", "/c" },
	    { "gid", "3" } } },
	{ "SECCOMP pid=5 sig=0 arch=c000003e syscall=317 compat=0 ip=0xb7 code=0x7ffc0000",
	  KIND_ID(security, seccomp),
	  { { "security_syscall", "seccomp" }, { "security_operation", "log" }, { "outcome", "success" } } },
	{ "ANOM_ABEND auid=1 uid=2 gid=3 ses=4 subj=s pid=5 comm=\"c\" exe=\"/c\" sig=11 res=1",
	  KIND_ID(security, anomaly),
	  { { "security_signal", "11" }, { "code", "ANOM_ABEND" }, { "pid", "5" } } },
	{ "ANOM_PROMISCUOUS dev=eth0 prom=256 old_prom=0 auid=1 uid=0 gid=0 ses=4",
	  KIND_ID(security, anomaly),
	  { { "security_object", "eth0" } } },
	{ "ANOM_LINK op=linkat ppid=4 pid=5 auid=1 uid=2 gid=3 euid=2 suid=2 fsuid=2 egid=3 sgid=3 fsgid=3 tty=pts0 "
	  "ses=4 comm=\"ln\" exe=\"/bin/ln\" subj=s res=0",
	  KIND_ID(security, anomaly),
	  { { "security_operation", "linkat" },
	    { "ppid", "4" },
	    { "egid", "3" },
	    { "tty", "pts0" },
	    { "outcome", "failure" } } },
	{ "CRYPTO_KEY_USER pid=1 uid=0 msg='op=destroy kind=server fp=6d:a3 direction=? spid=1299 suid=0  "
	  "exe=\"/usr/sbin/sshd\" hostname=? addr=1.2.3.4 terminal=? res=success'",
	  KIND_ID(security, crypto),
	  { { "source_ip", "1.2.3.4" }, { "security_operation", "destroy" }, { "suid", NULL } } },
	{ "CRYPTO_SESSION pid=1 uid=0 msg='op=start rport=63927 laddr=10.142.0.2 lport=22 addr=1.2.3.4 res=success'",
	  KIND_ID(security, crypto),
	  { { "source_port", "63927" } } },
	{ "TTY tty pid=27930 uid=1000 auid=1000 ses=762 major=136 minor=0 comm=\"bash\" data=6C730D",
	  KIND_ID(security, audit_rule),
	  { { "auditd_message", "ls\r" }, { "name", "bash" }, { "code", "TTY" } } },
	{ "USER_TTY pid=1 uid=0 auid=1000 ses=7 data=\"exit\"",
	  KIND_ID(security, audit_rule),
	  { { "auditd_message", "exit" } } },
	{ "USYS_CONFIG pid=1 uid=0 msg='changing system time exe=\"/usr/sbin/hwclock\" res=success'",
	  KIND_ID(security, audit_config),
	  { { "security_subsystem", "system" }, { "outcome", "success" } } },
	{ "SOFTWARE_UPDATE pid=1 uid=0 msg='sw=\"gcc-4.8\" sw_type=rpm comm=\"yum\" res=success'",
	  KIND_ID(security, audit_config),
	  { { "security_object", "gcc-4.8" }, { "name", "yum" } } },
	{ "VIRT_CONTROL pid=1 uid=0 msg='virt=kvm op=start reason=booted vm=\"web\" uuid=5 vm-pid=7 res=success'",
	  KIND_ID(security, audit_config),
	  { { "security_object", "web" }, { "security_operation", "start" } } },
	{ "DM_CTRL module=crypt op=ctr ppid=1 pid=2 comm=\"dmsetup\" exe=\"/d\" dev=253:0 error_msg='success' res=1",
	  KIND_ID(security, audit_config),
	  { { "security_subsystem", "device-mapper" }, { "outcome", "success" }, { "pid", "2" } } },
	{ "UNKNOWN[1999] anything pid=3 \"at\" all='x",
	  KIND_ID(security, audit_rule),
	  { { "code", "UNKNOWN[1999]" }, { "pid", "3" } } },
	{ "FANOTIFY resp=2 fan_type=0",
	  KIND_ID(security, audit_rule),
	  { { "auditd_message", "resp=2 fan_type=0" } } },
};

static void test_records(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		decode(&d, cases[i].record);
		if (d.n != 1 || d.events[0]->kind != cases[i].kind)
			print_error("%s\n", cases[i].record);
		assert_int_equal(d.n, 1);
		expect_kind_at(&d, 0, cases[i].kind, "case", (int)i);
		expect(&d, 0, "source", "audit");
		expect(&d, 0, "completeness", NULL);
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].fields) && cases[i].fields[k].member; k++)
			expect_at(&d, 0, cases[i].fields[k].member, cases[i].fields[k].value, cases[i].record,
				  (int)k);
		/* Only columns that the category has. */
		for (enum field f = N_CONTEXT_FIELDS; f < N_FIELDS; f++)
			if (values_has(&d.events[0]->values, f))
				assert_true(fields[f].categories & 1 << event_category(d.events[0]));
	}
	assert_int_equal(decoder_stats(d.decoder)->unknown_types, 1);
	decoded_stop(&d);
}

/* No type of the table is without its event, whatever its text. */
static void test_all_types(void **state)
{
	struct decoded d;
	char text[256], buffer[24];
	unsigned n = 0;

	decoded_start(&d, NULL);
	for (uint32_t number = 1; number < 3000; number++) {
		const struct audit_type *type = audit_type_by_number(number);

		if (!type)
			continue;
		snprintf(text, sizeof(text),
			 "%s pid=7 uid=1 op=x name=\"n\" msg='op=y acct=\"a\" res=success'",
			 audit_type_name(number, buffer));
		decode(&d, text);
		if (type->part == PART_EOE) {
			assert_int_equal(d.n, 0);
			continue;
		}
		if (d.n == 0 && type->part == PART_SYSCALL)
			continue; /* without a call it is nothing */
		if (d.n == 0 && type->part == PART_URINGOP)
			continue;
		if (d.n == 0)
			print_error("%s\n", text);
		assert_int_equal(d.n, 1);
		n++;
	}
	assert_int_equal(n, 219);
	decoded_stop(&d);
}

/* A denial and the call it met are two events; a change of the configuration is its call. */
static void test_with_call(void **state)
{
	static const char avc[] =
		"AVC avc:  denied  { connectto } for  pid=20 comm=\"x\" path=\"/run/s\" scontext=a "
		"tcontext=b tclass=unix_stream_socket permissive=1\n";
	static const char call[] =
		"SYSCALL arch=c000003e syscall=42 success=yes exit=0 a0=4 items=0 ppid=10 pid=20 "
		"auid=1 uid=2 comm=\"x\" exe=\"/x\" key=(null)\nSOCKADDR saddr=01002F72756E2F7300\n";
	struct decoded d;
	char text[1024];

	decoded_start(&d, NULL);
	snprintf(text, sizeof(text), "%s%sPROCTITLE proctitle=\"x\"\nEOE ", avc, call);
	decode(&d, text);
	assert_int_equal(d.n, 2);
	expect_kind(&d, 0, security, mac_denied);
	expect(&d, 0, "executable", "/x");
	expect(&d, 0, "ppid", "10");
	expect_kind(&d, 1, network, connect);
	assert_int_equal(d.events[0]->origin, 293 << 8);
	assert_int_equal(d.events[1]->origin, 293 << 8 | 1);
	decode(&d,
	       "CONFIG_CHANGE op=set audit_enabled=1 old=0 auid=1 ses=2 res=1\n"
	       "SYSCALL arch=c000003e syscall=44 success=yes exit=60 a0=3 items=0 ppid=1 pid=2 comm=\"auditctl\" "
	       "exe=\"/sbin/auditctl\" key=(null)\nSOCKADDR saddr=100000000000000000000000\n");
	assert_int_equal(d.n, 1);
	expect(&d, 0, "executable", "/sbin/auditctl");
	/* ... unless a rule of somebody asked for that call */
	decode(&d,
	       "CONFIG_CHANGE op=set audit_enabled=1 old=0 auid=1 ses=2 res=1\n"
	       "SYSCALL arch=c000003e syscall=44 success=yes exit=60 a0=3 items=0 ppid=1 pid=2 comm=\"auditctl\" "
	       "exe=\"/sbin/auditctl\" key=\"net\"\nSOCKADDR saddr=100000000000000000000000\n");
	assert_int_equal(d.n, 2);
	expect_kind(&d, 1, network, send);
	expect(&d, 1, "auditd_key", "net|");
	/* old kernels: the path of the denial in a record of its own; two denials, a path each */
	decode(&d, "AVC avc:  denied  { ioctl } for  pid=1 name=\"a\" scontext=a tcontext=b tclass=file\n"
		   "AVC_PATH  path=\"/x/a\"\n"
		   "AVC avc:  denied  { ioctl } for  pid=1 name=\"b\" scontext=a tcontext=b tclass=file\n"
		   "AVC_PATH  path=2F7820622F62\n");
	assert_int_equal(d.n, 2);
	expect(&d, 0, "security_object", "/x/a");
	expect(&d, 1, "security_object", "/x b/b");
	/* contexts of stacked LSMs, under either number */
	decode(&d,
	       "SYSCALL arch=c000003e syscall=50 success=yes exit=0 a0=3 items=0 pid=2 subj=? key=(null)\n"
	       "UNKNOWN[1420] subj_apparmor=unconfined subj_smack=_\n");
	expect_kind(&d, 0, network, listen);
	expect(&d, 0, "subject_context", "subj_apparmor=unconfined subj_smack=_");
	decode(&d,
	       "UNKNOWN[1420] ipe_op=EXECUTE ipe_hook=BPRM enforcing=1 pid=5 comm=\"x\" path=\"/x\" rule=\"r\"\n");
	expect_kind(&d, 0, security, mac_denied);
	expect(&d, 0, "security_object", "/x");
	expect(&d, 0, "outcome", "failure");
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_all_types),
		cmocka_unit_test(test_with_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
