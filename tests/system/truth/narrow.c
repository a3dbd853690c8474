/* Does by an interrupt what 32-bit programs do by calls of their own, and says nothing at all where the machine has no such calls.
 *
 *	narrow		sends to ends of its own: {"what":"sent", "pid", "port"} each; maps memory that is code: {"what":"mapped", "pid"} */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "truth.h"

#if defined(__x86_64__)
enum { OLD_MMAP = 90, SOCKETCALL = 102, SENDMSG = 370, SOCKETCALL_SEND = 9 };

static long narrow(long number, long a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return r;
}

/* An interrupt that the kernel does not take ends the process that tries. */
static bool has_narrow(void)
{
	pid_t pid = TRY(fork());
	int status;

	if (pid == 0)
		_exit(narrow(SOCKETCALL, 0, 0, 0) == -EINVAL ? 0 : 1);
	TRY(waitpid(pid, &status, 0));
	return status == 0;
}

static struct sockaddr_in receiver(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = TRY(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	socklen_t size = sizeof(to);

	TRY(bind(fd, (struct sockaddr *)&to, size));
	TRY(getsockname(fd, (struct sockaddr *)&to, &size));
	return to;
}

static void tell_sent(struct sockaddr_in to)
{
	struct line line = say("sent");

	say_number(&line, "pid", getpid());
	say_number(&line, "port", ntohs(to.sin_port));
	say_done(&line);
}

static long low(const void *memory)
{
	return (long)(uint32_t)(uintptr_t)memory;
}

static void sends(uint32_t *memory)
{
	struct sockaddr_in first = receiver(), second = receiver();
	struct sockaddr_in *named = (struct sockaddr_in *)(void *)(memory + 64);
	int fd = TRY(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	/* What stands behind the four arguments of send() would be an address, had it six. */
	const uint32_t args[] = { (uint32_t)fd, (uint32_t)low(memory + 128), 4, 0, (uint32_t)low(named), sizeof(second) };
	const uint32_t piece[] = { (uint32_t)low(memory + 128), 4 };
	const uint32_t head[] = { (uint32_t)low(named), sizeof(second), (uint32_t)low(memory + 32), 1, 0, 0, 0 };

	TRY(connect(fd, (struct sockaddr *)&first, sizeof(first)));
	*named = second;
	memcpy(memory, args, sizeof(args));
	if (narrow(SOCKETCALL, SOCKETCALL_SEND, low(memory), 0) != 4)
		die("send");
	tell_sent(first);
	memcpy(memory + 32, piece, sizeof(piece));
	memcpy(memory, head, sizeof(head));
	if (narrow(SENDMSG, fd, low(memory), 0) != 4)
		die("sendmsg");
	tell_sent(second);
}

static void maps(uint32_t *memory)
{
	const uint32_t args[] = { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, (uint32_t)-1, 0 };
	struct line line = say("mapped");
	long r;

	memcpy(memory, args, sizeof(args));
	r = narrow(OLD_MMAP, low(memory), 0, 0);
	if ((uint32_t)r >= (uint32_t)-4095)
		die("mmap");
	say_number(&line, "pid", getpid());
	say_done(&line);
}

int main(void)
{
	uint32_t *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	if (!has_narrow())
		return 0;
	sends(memory);
	maps(memory);
	return 0;
}
#else
int main(void)
{
	return 0;
}
#endif
