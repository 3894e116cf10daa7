/* SPDX-License-Identifier: BSD-2-Clause */
/* What the workload `spawn` runs. */
int main(void)
{
	return 0;
}
