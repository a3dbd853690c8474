/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* The types of the kernel that the programs read, each with only the members they read: the loader finds the places of
 * these in the kernel that runs (CO-RE).  Names and types are those of Linux 6.18; where another kernel differs, the
 * commit that changed it stands beside the test for it. */

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __be64;
typedef __u64 __le64;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef int bool_t;

#define NULL ((void *)0)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_F_NO_PREALLOC = 1 << 0, BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2, BPF_RB_AVAIL_DATA = 0, BPF_RB_RING_SIZE = 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, ax, cx, dx, si, di, orig_ax, bx, bp, sp;
};
struct thread_info {
	u32 status;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
};
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
struct thread_info {
	unsigned long flags;
};
#endif

typedef struct {
	unsigned int val;
} kuid_t;
typedef struct {
	unsigned int val;
} kgid_t;
typedef struct {
	int counter;
} atomic_t;
typedef struct {
	s64 counter;
} atomic64_t;

/* Linux 6.3 made it 64 bits in one (f122a08b197d); before it was an array of two words: the same bytes. */
typedef struct {
	u64 val;
} kernel_cap_t;

struct ns_common {
	unsigned int inum;
};

struct user_namespace {
	struct ns_common ns;
};

struct group_info {
	int ngroups;
	kgid_t gid[1];
};

struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, sgid, egid, fsgid;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective, cap_ambient;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};

struct qstr {
	u64 hash_len;
	const unsigned char *name;
};

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_rdev;
	void *i_private;
	long long i_size;
	long long i_ctime_sec;
	u32 i_ctime_nsec;		/* since 6.13 (4e40eff0b573) with a flag in its highest bit */
};

/* Before 6.11 (3aa63a569c64) times were timespec64, and before 6.6 (13bc24457850) this one had a plain name. */
struct timespec64 {
	long long tv_sec;
	long tv_nsec;
};
struct inode___before_6_11 {
	struct timespec64 __i_ctime;
};
struct inode___before_6_6 {
	struct timespec64 i_ctime;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
	int mnt_flags;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	int mnt_id;
};

struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

typedef struct {
	atomic64_t refcnt;		/* one less than there are */
} file_ref_t;

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
	file_ref_t f_ref;
};

/* Before 6.13 (90ee6ed776c0) references were counted in f_count. */
struct file___before_6_13 {
	atomic64_t f_count;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root, pwd;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start, arg_end, env_start, env_end;
};

struct tty_struct {
	char name[64];
};

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[1];	/* first those that have the number themselves (PIDTYPE_PID) */
	struct upid numbers[1];
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
	struct tty_struct *tty;
};

struct pid_namespace {
	struct task_struct *child_reaper;
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct time_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct cgroup_namespace *cgroup_ns;
	struct time_namespace *time_ns;
	struct pid_namespace *pid_ns_for_children;
};

struct task_struct {
	struct thread_info thread_info;
	int pid, tgid;
	int exit_code;
	unsigned int flags;
	struct task_struct *real_parent, *group_leader;
	u64 start_boottime;
	const struct cred *cred;
	kuid_t loginuid;
	unsigned int sessionid;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct pid *thread_pid;
	struct hlist_node pid_links[1];
	char comm[16];
};

/* Before 5.5 (cf25e24db61c) the boot time stood in real_start_time. */
struct task_struct___before_5_5 {
	u64 real_start_time;
};

struct linux_binprm {
	const char *filename, *interp;
	int argc;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	unsigned char bytes[16];
};

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	unsigned long skc_flags;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_type, sk_protocol;
	int sk_err;
};

struct inet_sock {
	__be16 inet_sport;
};

struct tcp_sock {
	u64 bytes_received, bytes_sent, bytes_retrans;
};

struct socket {
	short type;
	struct sock *sk;
};

struct sockaddr_un {
	unsigned short sun_family;
};

struct unix_address {
	int len;
	struct sockaddr_un name[1];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

enum bpf_prog_type { PROG_TYPE_OF_THE_KERNEL };

struct bpf_prog_aux {
	u32 id;
	char name[16];
};

struct bpf_prog {
	enum bpf_prog_type type;
	u8 tag[8];
	struct bpf_prog_aux *aux;
};

struct kernel_siginfo {
	int si_code;
};

struct open_how {
	u64 flags;
};

struct io_cqe {
	s32 res;
	int fd;				/* until it is complete */
};

/* A request of io_uring; what it asks for begins at the same place. */
struct io_kiocb {
	struct file *file;
	u8 opcode;
	u32 flags;			/* of 64 bits since 6.10: the lower half */
	struct io_cqe cqe;
};

struct io_open {
	u32 file_slot;
	struct open_how how;
};

struct io_accept {
	u32 file_slot;
};

struct filename {
	const char *name;
};

struct io_rename {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
	int flags;
};

struct io_unlink {
	int dfd, flags;
	struct filename *filename;
};

struct io_mkdir {
	int dfd;
	u16 mode;
	struct filename *filename;
};

struct io_link {			/* of symlinkat too */
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
	int flags;
};

/* In 7.2 (not yet in 6.18) a request has its names in a structure of their own. */
struct delayed_filename {
	struct filename *__incomplete_filename;
};

struct io_rename___delayed {
	struct delayed_filename oldpath, newpath;
};

struct io_unlink___delayed {
	struct delayed_filename filename;
};

struct io_mkdir___delayed {
	struct delayed_filename filename;
};

struct io_link___delayed {
	struct delayed_filename oldpath, newpath;
};

struct module {
	char name[56];
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop

/* Of user space: layouts that never change. */
struct iovec {
	void *iov_base;
	unsigned long iov_len;
};

struct user_msghdr {			/* the first of its members */
	void *msg_name;
	int msg_namelen;
	struct iovec *msg_iov;
	unsigned long msg_iovlen;
};

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* Since 6.2 (a35b9af4ec2c) the verifier can be told of which type a pointer is; what it points at is then loaded by one
 * instruction, which costs a tenth of a call that copies.  The loader tries. */
extern void *bpf_rdonly_cast(const void *object, __u32 type_id) __ksym __weak;
const volatile unsigned char can_cast;

#define CAST(pointer) ((typeof(pointer))bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(typeof(*(pointer)))))

/* Since 5.17 (e6f2dd0f8067) a helper runs a function so many times: the verifier follows it once, not each time.  Since 6.0
 * (1ade23711971) the helper is a loop of instructions where the program runs. */
enum bpf_func_id { BPF_FUNC_loop = 181 };

#define HAS_LOOP bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)

/* step(i, with) for each i below n until it returns 1; `with` is on the stack. */
#define LOOP(n, step, with)                                                                                                \
	do {                                                                                                               \
		if (HAS_LOOP) {                                                                                            \
			bpf_loop(n, step, with, 0);                                                                        \
		} else {                                                                                                   \
			for (u32 loop_i = 0; loop_i < (n); loop_i++)                                                       \
				if (step(loop_i, with))                                                                    \
					break;                                                                             \
		}                                                                                                          \
	} while (0)

/* The same pointer, which the verifier trusts less.  For each pointer that is loaded from one that it trusts, such as the
 * current task, it asks whether that is to be trusted too, and looks for the answer among the names of all types of the kernel,
 * one by one, up to three times: milliseconds (kernel/bpf/btf.c, btf_nested_type_is_trusted; since 6.3, 57539b1c0ac2, and 6.4,
 * 6fcd486b3a0a).  For numbers it asks nothing: they are loaded from the trusted pointer, without a test of the address. */
#define UNTRUSTED(pointer) (can_cast ? CAST(pointer) : (pointer))

/* What a pointer of the kernel leads to, through any number of others: READ(task, files, fdt). */
#define READ(pointer, ...) (can_cast ? ___arrow(CAST(pointer), __VA_ARGS__) : BPF_CORE_READ(pointer, __VA_ARGS__))

/* Eight bytes of the kernel, wherever they are: as any structure that begins with a number of that size. */
static __always_inline u64 word_at(u64 at)
{
	return (u64)READ((struct timespec64 *)at, tv_sec);
}

/* A function that is neither inlined nor static is verified by itself, for any arguments of its types, once a program.  It
 * takes numbers, and pointers to memory of the programs (5.12, e5069b9c23b3) all of which has been written: a structure on the
 * stack has no padding (until 6.3, 6715df8d5d24). */
