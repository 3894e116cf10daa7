/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The BPF object inside quis-record, so that the sensor is one file and its hash covers what it loads. */
	.section .rodata
	.global quis_bpf_object
	.global quis_bpf_object_end
	.balign 8
quis_bpf_object:
	.incbin OBJECT
quis_bpf_object_end:
	.section .note.GNU-stack,"",@progbits
