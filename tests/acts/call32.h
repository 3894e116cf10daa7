/* 32-bit calls of a 64-bit program. */
#ifndef QUIS_CALL32_H
#define QUIS_CALL32_H

/* A program that runs in 64 bits may call the kernel the 32-bit way; what it points to must lie low, as static data
 * does. */
static inline long call32_six(long number, long a, long b, long c, long d, long e, long f)
{
	register long sixth __asm__("r13") = f;
	long result;

	/* the sixth argument is in ebp, which no constraint can name */
	__asm__ volatile("mov %%rbp, %%r12\n\tmov %%r13, %%rbp\n\tint $0x80\n\tmov %%r12, %%rbp"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "r"(sixth)
			 : "memory", "r8", "r9", "r10", "r11", "r12");
	if ((int)result >= 0 || (int)result < -4095)
		return result;
	errno = -(int)result;
	return -1;
}

static inline long call32(long number, long a, long b, long c, long d, long e)
{
	return call32_six(number, a, b, c, d, e, 0);
}

static inline long low(const void *at)
{
	if ((uintptr_t)at > UINT32_MAX)
		skip("static data does not lie low");
	return (long)(uintptr_t)at;
}

static inline long low_path(const char *path)
{
	static char copies[4][PATH_MAX];
	static int next;
	char *copy = copies[next++ % 4];

	snprintf(copy, PATH_MAX, "%s", path);
	return low(copy);
}

static inline void try_int80(void *with)
{
	(void)with;
	call32(6, -1, 0, 0, 0, 0); /* close */
}

/* A kernel without 32-bit calls kills who makes one. */
static inline void want_int80(void)
{
	struct process *p = spawn(try_int80, NULL);
	int status;

	need(waitpid(p->pid, &status, 0), "waitpid");
	if (WIFSIGNALED(status))
		skip("int 0x80: signal %d (needs CONFIG_IA32_EMULATION)", WTERMSIG(status));
}

/* For spawn(): becomes the 32-bit program that the act has written. */
static inline void run_elf32(void *with)
{
	(void)with;
	need(chdir(act_dir), "chdir");
	came(file("elf32"), "executed")->unsaid = ~0U;
	execl(in_dir("elf32"), "elf32", (char *)NULL);
	skip("32-bit program: %s (needs CONFIG_IA32_EMULATION)", strerror(errno));
}

#endif
